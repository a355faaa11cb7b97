package lease

import "testing"

// A name may be made of so many pointers and no more.
func TestSearch_JumpsAreBounded_OPT13(t *testing.T) {
	chain := []byte{1, 'b', 3, 'o', 'r', 'g', 0}
	for to := 0; len(chain) < 80; to = len(chain) - 2 {
		chain = append(chain, 0xc0, byte(to))
	}
	if got := expand(chain, 7+2*(maxJumps-1)); got != "b.org" {
		t.Errorf("%d pointers: %q, want b.org", maxJumps, got)
	}
	if got := expand(chain, 7+2*maxJumps); got != "" {
		t.Errorf("%d pointers: %q, want none", maxJumps+1, got)
	}
}
