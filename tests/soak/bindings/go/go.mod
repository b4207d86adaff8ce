module soak

go 1.24

require copas v0.0.0

replace copas => ../../../../bindings/go
