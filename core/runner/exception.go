package runner

import (
	"regexp"
	"strings"

	"udfrunner/core/command"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// pythonException is the error of a worker that raised: its message is the line that names the exception.
func pythonException(reader *protocol.Reader) *status.Error {
	traceback, message := reader.Exception(), reader.ExceptionMessage()
	if message == "" { // PySpark writes one, but the function has the channel too
		message = "worker told of an exception without a text"
	}
	return status.New(status.PythonException, "%s", message).
		With(tracebackDetail, traceback).Because(causeOfException(splitTraceback(traceback)))
}

const tracebackHead = "Traceback (most recent call last):\n"

// What Python writes between an exception and the one that it led to.
var tracebackLinks = []string{
	"\nThe above exception was the direct cause of the following exception:\n\n" + tracebackHead,
	"\nDuring handling of the above exception, another exception occurred:\n\n" + tracebackHead,
}

// splitTraceback gives the frames of the last exception of a traceback, and the exception: its type and message.
// PySpark leaves frames out where it is told to.
func splitTraceback(text string) (frames, exception string) {
	if strings.HasPrefix(text, groupMargin+"Exception Group ") {
		text = strings.Replace(text, groupMargin+"Exception Group ", "", 1)
		text = strings.ReplaceAll("\n"+text, "\n"+groupLine, "\n")[1:]
	}
	for _, link := range tracebackLinks {
		if i := strings.LastIndex(text, link); i >= 0 {
			text = text[i+len(link)-len(tracebackHead):]
		}
	}
	if rest, ok := strings.CutPrefix(text, tracebackHead); ok {
		n := 0
		for n < len(rest) && rest[n] == ' ' {
			line := strings.IndexByte(rest[n:], '\n') + 1
			if line == 0 {
				line = len(rest) - n
			}
			n += line
		}
		frames, text = rest[:n], rest[n:]
	}
	return frames, strings.TrimSpace(text)
}

// What the lines of an exception group begin with.
const groupMargin, groupLine = "  + ", "  | "

var (
	// loading are the frames of PySpark that load a pickle: CPickleSerializer.loads and those that call it.
	loading = regexp.MustCompile(`/pyspark/(core/)?serializers\.py", line \d+, in (loads|_read_with_length)\n`)
	// importing begins a traceback without PySpark's frames where the function was being found: nothing of it ran yet.
	importing = regexp.MustCompile(`^ +File "(<frozen importlib|` + regexp.QuoteMeta(command.ResolverFile) + `)`)
)

// causeOfException classifies an exception by its traceback, which is all that a worker tells of it.
func causeOfException(frames, exception string) status.Cause {
	name, message, _ := strings.Cut(exception, ":")
	name, _, _ = strings.Cut(name, "\n")
	name = name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case strings.HasSuffix(name, "MemoryError"): // Python's, NumPy's _ArrayMemoryError, PyArrow's ArrowMemoryError
		return status.CauseOutOfMemory
	case strings.Contains(message, "[PYTHON_VERSION_MISMATCH]"): // worker_util.check_python_version
		return status.CauseVersionMismatch
	case name == "ModuleNotFoundError" || strings.HasSuffix(name, "ImportError"):
		return status.CauseMissingModule
	case name == "UnpicklingError", loading.MatchString(frames), importing.MatchString(frames):
		return status.CauseUnpickle
	}
	return status.CauseException
}
