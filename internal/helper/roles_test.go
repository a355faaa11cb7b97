package helper

// play is a program that has a helper.
func play(role string) int { return 99 }
