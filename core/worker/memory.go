package worker

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// privateMemory is the bytes of memory that a process alone uses, so that its end would free them: what it has written
// to, in memory or swapped out. Pages that it shares do not count: the zygote's that it has not written to, libraries,
// segments that the host maps too. Nor do clean pages of files, which the kernel takes back at need. Resident memory
// counts all of them: 64 MB of a fresh fork's 1 MB.
//
// It costs as much as the process has memory, about 1 ms for 500 MB; see memoryBound for a cheaper question. Of a
// process that has ended it is 0, of none at all an error.
func privateMemory(pid int) (int64, error) {
	// Since Linux 4.14 there is a sum over all mappings, before that only the list.
	text, err := readProc(pid, "smaps_rollup")
	if errors.Is(err, os.ErrNotExist) {
		text, err = readProc(pid, "smaps")
	}
	if err != nil {
		return 0, err
	}
	return sumPrivate(text), nil
}

// privateFields are the lines of smaps and smaps_rollup that make private memory; a page that several processes have
// swapped out is divided among them.
var privateFields = [...][]byte{[]byte("Private_Dirty:"), []byte("Private_Hugetlb:"), []byte("SwapPss:")}

// sumPrivate adds up lines such as "Private_Dirty:      112 kB".
func sumPrivate(text []byte) int64 {
	var total int64
	for line := range bytes.Lines(text) {
		for _, field := range privateFields {
			value, ok := bytes.CutPrefix(line, field)
			if !ok {
				continue
			}
			value = bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))
			if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
				total += n << 10
			}
		}
	}
	return total
}

// memoryBound is at least a process's private memory, apart from what is swapped out: its resident memory. It costs
// some microseconds whatever the process has.
func memoryBound(pid int) (int64, error) {
	text, err := readProc(pid, "statm")
	if err != nil {
		return 0, err
	}
	// size resident shared text lib data dt, in pages
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, io.ErrUnexpectedEOF
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// exceeds says whether a process has more private memory than limit. A process of which nothing is known has not.
func exceeds(pid int, limit int64) bool {
	if bound, err := memoryBound(pid); err != nil || bound <= limit {
		return false
	}
	private, err := privateMemory(pid)
	return err == nil && private > limit
}

// readProc reads a file of a process. A process that is being waited for has no memory: ESRCH is then no text at all.
func readProc(pid int, name string) ([]byte, error) {
	return readKernel("/proc/" + strconv.Itoa(pid) + "/" + name)
}

// readKernel reads a file that the kernel makes up. It is done by plain system calls, as package os would try to poll
// the file, for as long again.
func readKernel(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ESRCH {
		return nil, nil
	} else if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	text := make([]byte, 0, 1<<10)
	for {
		n, err := unix.Read(fd, text[len(text):cap(text)])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ESRCH:
			return nil, nil
		case err != nil:
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		case n == 0:
			return text, nil
		}
		if text = text[:len(text)+n]; len(text) == cap(text) {
			text = slices.Grow(text, cap(text))
		}
	}
}
