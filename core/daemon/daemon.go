// Package daemon carries the Python side of the embedded worker factory: the
// sources of a small daemon that forks PySpark workers out of a warm process.
//
// The host starts `python -c Bootstrap()` with one end of an AF_UNIX
// SOCK_SEQPACKET pair as descriptor 0, sends Packets, and then speaks JSON
// messages (see server.py), one a packet, with descriptors by SCM_RIGHTS.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package daemon

import (
	"embed"
	"encoding/json"
	"io/fs"
	"strings"
	"sync"
)

// PacketLimit is the most bytes either side puts into one packet.
const PacketLimit = 128 << 10

// Protocol is the version of the messages, the "protocol" of the start message.
const Protocol = 1

// Package is the name under which the daemon's modules are known in Python.
const Package = "udfrunner_daemon"

// sourcePiece keeps source packets below the socket's default send buffer.
const sourcePiece = 64 << 10

const bootstrapFile = "bootstrap.py"

//go:embed *.py
var files embed.FS

// Bootstrap is the program for `python -c`. It receives the sources and runs them.
func Bootstrap() string { return bootstrap() }

// Packets are what is sent on the control socket first, in order, one packet
// each: the sources, as JSON, cut into pieces behind a byte that says whether
// more follow ('+') or not ('.'). The caller must not change them.
func Packets() [][]byte { return packets() }

var bootstrap = sync.OnceValue(func() string { return read(bootstrapFile) })

var packets = sync.OnceValue(func() [][]byte {
	entries := must(fs.ReadDir(files, "."))
	sources := make(map[string]string, len(entries))
	for _, entry := range entries {
		if name := entry.Name(); name != bootstrapFile {
			sources[moduleName(name)] = read(name)
		}
	}
	return cut(must(json.Marshal(map[string]any{"sources": sources})), sourcePiece)
})

func moduleName(file string) string {
	if file == "__init__.py" {
		return Package
	}
	return Package + "." + strings.TrimSuffix(file, ".py")
}

func read(name string) string { return string(must(files.ReadFile(name))) }

// must is the value of what cannot fail: files that are embedded, and their text as JSON.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func cut(bundle []byte, size int) [][]byte {
	var pieces [][]byte
	for len(bundle) > size {
		pieces = append(pieces, append([]byte{'+'}, bundle[:size]...))
		bundle = bundle[size:]
	}
	return append(pieces, append([]byte{'.'}, bundle...))
}
