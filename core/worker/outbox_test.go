package worker

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// unread is a control socket whose daemon reads nothing, its end, and how many requests were made whose descriptors are
// open.
func unread(t *testing.T) (*control, *os.File, *int) {
	t.Helper()
	hosttest.CheckLeaks(t)
	c, theirs, err := newControl()
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = c.conn.Close()
		_ = theirs.Close()
	})
	return c, theirs, new(int)
}

// ask makes a request for a worker that carries one descriptor.
func ask(t *testing.T, c *control, open *int, id uint64, variables map[string]string) error {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	require.NoError(t, err)
	*open++
	return c.request(&forkMessage{Op: "fork", ID: id, Env: variables}, func() {
		*open--
		_ = unix.Close(fd)
	}, fd)
}

func (o *outbox) unsent() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}

func TestRequestsAreSentInOrderOnceTheyAreRead(t *testing.T) {
	c, theirs, open := unread(t)
	var withdrawn uint64
	last := uint64(0)
	for c.unsent() < 100 {
		last++
		require.NoError(t, ask(t, c, open, last, nil))
		if c.unsent() == 50 && withdrawn == 0 {
			withdrawn = last
			require.True(t, c.withdraw(last))
		}
	}
	assert.False(t, c.withdraw(1), "it was sent")
	assert.False(t, c.withdraw(withdrawn), "once")
	require.NoError(t, c.sendMessage(killMessage{Op: "kill", ID: 1, Signal: 9}))
	require.NoError(t, unix.SetNonblock(int(theirs.Fd()), false))
	var ids []uint64
	packet := make([]byte, maxPacket)
	for {
		oob := make([]byte, unix.CmsgSpace(4))
		n, oobn, _, _, err := unix.Recvmsg(int(theirs.Fd()), packet, oob, unix.MSG_CMSG_CLOEXEC)
		require.NoError(t, err)
		fds := received(oob[:oobn])
		closeAll(fds)
		var m forkMessage
		require.NoError(t, json.Unmarshal(packet[:n], &m))
		if m.Op == "kill" {
			break
		}
		require.Len(t, fds, 1)
		ids = append(ids, m.ID)
	}
	var expected []uint64
	for id := uint64(1); id <= last; id++ {
		if id != withdrawn {
			expected = append(expected, id)
		}
	}
	assert.Equal(t, expected, ids)
	require.Eventually(t, func() bool { return c.unsent() == 0 }, patience, time.Millisecond)
	assert.Zero(t, *open)
}

func TestRequestsThatNobodyReadsAreBounded(t *testing.T) {
	c, _, open := unread(t)
	large := map[string]string{"LARGE": string(make([]byte, 20_000))} // six bytes each in JSON
	id, bytes := uint64(0), 0
	for {
		id++
		err := ask(t, c, open, id, large)
		if err != nil {
			assert.Equal(t, status.CauseNoProcess, status.CauseOf(err))
			assert.ErrorContains(t, err, "requests unread")
			break
		}
		bytes += 120_000
		require.LessOrEqual(t, bytes, maxKept+(1<<20))
	}
	require.NoError(t, c.sendMessage(killMessage{Op: "kill", ID: 1, Signal: 9}), "a kill is always kept")
	require.NoError(t, c.conn.Close())
	require.Eventually(t, func() bool { return c.unsent() == 0 }, patience, time.Millisecond)
	assert.Zero(t, *open)
	require.Error(t, ask(t, c, open, id+1, nil))
	assert.Zero(t, *open)
}
