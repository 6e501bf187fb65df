//go:build race

package otr_test

func init() { slowdown = 20 }
