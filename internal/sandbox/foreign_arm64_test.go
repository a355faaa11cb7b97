package sandbox

var foreign []attempt
