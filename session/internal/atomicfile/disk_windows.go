package atomicfile

import "os"

func openNoFollow(path string) (*os.File, error) { return os.Open(path) }

// syncDir does nothing: directories cannot be flushed on Windows, and NTFS journals the renaming.
func syncDir(string) error { return nil }
