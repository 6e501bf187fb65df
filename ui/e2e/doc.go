// Package e2e holds the tests that drive the built program as people would: in real windows, against a real server, with real keyrings.
//
// Everything is found by its name on the accessibility bus; the names stand in names_test.go. Every text that a test types carries a
// random mark, and at the end all that the server saw, every file, every output and every bus is searched for the marks.
package e2e
