// Functions without a body are declared in testhook.go; the compiler wants to see a file of this kind with them.
