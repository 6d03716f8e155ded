package netcause

var codes = windowsCodes
