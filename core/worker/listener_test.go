package worker

import (
	"encoding/binary"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/hosttest"
)

// Who connects and says nothing neither keeps the worker out nor takes more than a few descriptors.
func TestSilentStrangersAreFew(t *testing.T) {
	hosttest.CheckLeaks(t)
	l, err := listenForWorker(&Spec{Program: Program{StartTimeout: patience}}, "")
	require.NoError(t, err)
	defer l.close()
	var strangers []net.Conn
	connect := func() net.Conn {
		conn, err := net.Dial("tcp", l.listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	for range 4 * maxPending {
		strangers = append(strangers, connect())
	}
	// The first are sent away without a word.
	for _, stranger := range strangers[:3*maxPending] {
		require.NoError(t, stranger.SetReadDeadline(time.Now().Add(patience)))
		_, err := stranger.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it is still there")
	}
	l.mu.Lock()
	assert.LessOrEqual(t, len(l.pending), maxPending)
	l.mu.Unlock()

	worker := connect()
	said := binary.BigEndian.AppendUint32(nil, uint32(len(l.secret))) //nolint:gosec // short
	said = append(said, l.secret...)
	_, err = worker.Write(binary.BigEndian.AppendUint32(said, 1234)) // its process id
	require.NoError(t, err)
	select {
	case socket := <-l.accepted:
		socket.Close()
	case <-time.After(patience):
		assert.Fail(t, "the worker was kept out")
	}
}
