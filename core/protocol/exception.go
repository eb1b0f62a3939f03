package protocol

import (
	"slices"
	"strings"
)

const (
	traceback = "Traceback (most recent call last):"
	// inGroup precedes the lines of an exception group.
	inGroup = "  | "
)

// ExceptionLine is the line of a worker's exception text that says what was raised: its type and the first line of its
// message. In a traceback that is the first line behind the frames, which are indented, and of several the last one's;
// a worker may be told to leave the frames out (SPARK_HIDE_TRACEBACK).
func ExceptionLine(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	begin := 0
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, inGroup)
		if lines[i] == traceback {
			begin = i + 1
		}
	}
	for i, line := range lines[begin:] {
		if line == "" || line[0] == ' ' {
			continue
		}
		if strings.HasSuffix(strings.TrimSpace(line), ":") { // the message begins with an empty line
			for _, next := range lines[begin+i+1:] {
				if next = strings.TrimSpace(next); next != "" {
					return strings.TrimSpace(line) + " " + next
				}
			}
		}
		return strings.TrimSpace(line)
	}
	for _, line := range slices.Backward(lines) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
