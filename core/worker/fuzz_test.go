package worker

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// FuzzDaemon hears what daemons and workers may say before and beside tasks: packets of the embedded daemon's control
// socket, and texts of the handshake of the others.
func FuzzDaemon(f *testing.F) {
	for _, packet := range []string{
		`{"op": "ready", "python": "3.11.2", "pyspark": "4.2.0", "pyarrow": "26.0.1", "pandas": "", "threads": 1, ` +
			`"zygote": true, "notes": ["a"]}`,
		`{"op": "forked", "id": 7, "pid": 4711}`,
		`{"op": "exited", "id": 7, "status": 139, "peak_rss": 1, "user_time": 0.5, "system_time": 1e-3}`,
		`{"op": "refused", "id": 18446744073709551615, "message": "no memory"}`,
		`{"op": "failed", "message": "x", "traceback": "y"}`,
		"", "null", "[]", "\x00\x00\x00\x02ok", "\x00\x00\x00\x40" + string(make([]byte, 64)), "\xff\xff\xff\xff",
		"\x7f\xff\xff\xffx",
	} {
		f.Add([]byte(packet))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		hearPacket(t, said[:min(len(said), maxPacket)])
		hearText(t, said)
	})
}

func hearPacket(t *testing.T, packet []byte) {
	c, theirs, err := newControl()
	require.NoError(t, err)
	defer func() { _ = c.conn.Close() }()
	_, err = unix.SendmsgN(int(theirs.Fd()), packet, nil, nil, 0)
	require.NoError(t, err)
	require.NoError(t, theirs.Close())
	m, fds, err := c.receive(make([]byte, maxPacket))
	require.Empty(t, fds)
	switch {
	case len(packet) == 0:
		require.ErrorIs(t, err, io.EOF)
	case err != nil:
		require.Equal(t, status.Protocol, status.CodeOf(err))
		require.NotContains(t, err.Error(), "\n")
	default:
		ended := Exit{Status: unix.WaitStatus(m.Status), Known: true, PeakRSS: m.PeakRSS} //nolint:gosec // any
		require.NotEmpty(t, ended.statusText())
		_ = (&Info{Python: m.Python}).PythonMinor()
	}
}

func hearText(t *testing.T, said []byte) {
	ours, theirs := net.Pipe()
	defer func() { _ = ours.Close() }()
	done := make(chan struct{})
	safego.Go(func() {
		defer close(done)
		_, _ = theirs.Write(said)
		_ = theirs.Close()
	}, nil)
	text, err := peer{ours}.readText()
	if err == nil {
		require.LessOrEqual(t, len(text), maxAuth)
		require.Equal(t, string(said[4:4+len(text)]), text)
	}
	_ = ours.Close()
	<-done
}
