package hostcall_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

func TestStreamIsMovedAndReleasedOnce(t *testing.T) {
	host := hosttest.NewStream(t, []hosttest.Column{{Name: "a", Values: []int64{1}}})
	in := host.Input()
	require.NoError(t, in.Check())
	s, err := hostcall.MoveStream(hostmem.Default(), &in)
	require.NoError(t, err)
	assert.Zero(t, host.C.Release, "the host's struct is marked released")
	schema, err := s.Schema()
	require.NoError(t, err)
	assert.EqualValues(t, 1, schema.C.NChildren)
	schema.Release()
	array, err := s.Next()
	require.NoError(t, err)
	assert.EqualValues(t, 1, array.C.Length)
	array.Release()
	_, err = s.Next()
	require.ErrorIs(t, err, hostcall.ErrDone)
	s.Release()
	s.Release()
}

func TestStreamsSayAgainAndFail(t *testing.T) {
	host := hosttest.NewStream(t, []hosttest.Column{{Name: "a", Values: []int64{1}}})
	answers := []unix.Errno{unix.EAGAIN, unix.EIO}
	host.Step = func(int) unix.Errno {
		errno := answers[0]
		answers = answers[1:]
		return errno
	}
	in := host.Input()
	s, err := hostcall.MoveStream(hostmem.Default(), &in)
	require.NoError(t, err)
	defer s.Release()
	_, err = s.Next()
	require.ErrorIs(t, err, hostcall.ErrAgain)
	_, err = s.Next()
	assert.Equal(t, status.Host, status.CodeOf(err))
	assert.Equal(t, "input stream get_next: no batch today (errno 5)", err.Error())
}

func TestRecords(t *testing.T) {
	host := hosttest.NewRecords(t,
		hosttest.OK([]byte("one"), nil, []byte("three")),
		hosttest.Answer{Code: status.NeedInput},
		hosttest.Answer{Code: status.OK}, // OK with nothing in it
		hosttest.Answer{Code: status.IO, Message: "disk\nfull"},
		hosttest.Answer{Code: status.Cancelled},
		hosttest.Answer{Code: 17},
	)
	in := host.Input()
	require.NoError(t, in.Check())
	s, err := hostcall.MoveRecords(hostmem.Default(), &in)
	require.NoError(t, err)
	records, err := s.Next()
	require.NoError(t, err)
	assert.Equal(t, []string{"one", "", "three"}, texts(records))
	_, err = s.Next()
	require.ErrorIs(t, err, hostcall.ErrAgain)
	for _, message := range []string{"OK with no data", "disk full", "CANCELLED", "answered 17"} {
		_, err = s.Next()
		assert.Equal(t, status.Host, status.CodeOf(err))
		assert.Contains(t, err.Error(), message)
	}
	_, err = s.Next()
	require.ErrorIs(t, err, hostcall.ErrDone)
	s.Release()
	s.Release()
}

func texts(records [][]byte) []string {
	list := make([]string, len(records))
	for i, r := range records {
		list[i] = string(r)
	}
	return list
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	released := &cdata.Stream{}
	deaf := &cdata.Stream{Release: 1}
	for message, in := range map[string]hostcall.Input{
		"NULL or released":    {Kind: hostcall.Streams, Stream: released},
		"a live":              {Kind: hostcall.Streams},
		"get_schema":          {Kind: hostcall.Streams, Stream: deaf},
		"next callback":       {Kind: hostcall.Records},
		"next_group callback": {Kind: hostcall.Groups},
		"input kind 9":        {Kind: 9},
	} {
		err := in.Check()
		require.Error(t, err, message)
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
		assert.Contains(t, err.Error(), message)
	}
	none := hostcall.Input{}
	assert.NoError(t, none.Check())
}

func TestOutOfMemoryLeavesTheInputAlone(t *testing.T) {
	mem := *hostmem.Default()
	mem.Alloc = func(uintptr) unsafe.Pointer { return nil }
	host := hosttest.NewStream(t, []hosttest.Column{{Name: "a", Values: []int64{1}}})
	in := host.Input()
	_, err := hostcall.MoveStream(&mem, &in)
	assert.Equal(t, status.NoMemory, status.CodeOf(err))
	assert.NotErrorIs(t, err, hostcall.ErrDone)
	assert.NotZero(t, host.C.Release)
	host.Discard()
}
