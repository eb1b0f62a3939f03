package runner

import (
	"os"
	"path/filepath"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// checkFiles says what is wrong with the files that a worker is told of, these includes among them. PySpark would
// tell of a missing include by a module that is not there, and of a missing broadcast when, and if, a function asks
// for its value.
func checkFiles(includes []string, in *protocol.Init) error {
	for _, include := range includes {
		path := include
		if !filepath.IsAbs(path) {
			path = filepath.Join(in.FilesDir, path) // as the worker does
		}
		if _, err := os.Stat(path); err != nil {
			return status.New(status.InvalidArgument, "include %q: %w", include, err)
		}
	}
	if in.BroadcastServer != nil {
		return nil
	}
	for _, b := range in.Broadcasts {
		if b.Drop {
			continue
		}
		if err := checkBroadcast(b.Path); err != nil {
			return err
		}
	}
	return nil
}

// checkBroadcast says what is wrong with a broadcast's file.
func checkBroadcast(path string) error {
	if info, err := os.Stat(path); err != nil {
		return status.New(status.InvalidArgument, "broadcast file %q: %w", path, err)
	} else if !info.Mode().IsRegular() {
		return status.New(status.InvalidArgument, "broadcast file %q is no regular file", path)
	}
	return nil
}
