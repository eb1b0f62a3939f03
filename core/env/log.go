package env

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"udfrunner/core/config"
	"udfrunner/core/logsink"
	"udfrunner/core/status"
)

// newLog opens the log that a configuration asks for.
func newLog(conf *config.Config) (*logsink.Sink, error) {
	options := logsink.Options{Buffer: conf.Size(config.LogBuffer), Rate: conf.Size(config.LogRate)}
	path := conf.Text(config.LogFile)
	_, described := conf.Lookup(config.LogDescriptor)
	switch {
	case path != "" && described:
		return nil, status.New(status.InvalidArgument, "%s %q and %s %d, one of them is allowed",
			config.LogFile, path, config.LogDescriptor, conf.Int(config.LogDescriptor))
	case path != "":
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NONBLOCK, 0o644)
		if err != nil {
			return nil, status.New(status.InvalidArgument, "%s %q: %w", config.LogFile, path, cause(err))
		}
		options.File = file
	case described:
		fd := conf.Int(config.LogDescriptor)
		copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, status.New(status.InvalidArgument, "%s %d: %w", config.LogDescriptor, fd, err)
		}
		options.File = os.NewFile(uintptr(copied), "descriptor "+strconv.Itoa(fd))
	}
	return logsink.New(options), nil
}

// cause is what went wrong, without the operation and the path.
func cause(err error) error {
	if path, ok := err.(*os.PathError); ok { //nolint:errorlint // as os returns it
		return path.Err
	}
	return err
}
