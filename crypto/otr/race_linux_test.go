//go:build race

package otr_test

func init() { slowdown, growth = 20, 16 }
