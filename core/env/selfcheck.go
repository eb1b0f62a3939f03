package env

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"udfrunner/core/arrowio"
	"udfrunner/core/command"
	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
	"udfrunner/core/worker"
)

// selfCheck runs a small task on a worker whose PySpark is newer than any known: negation of an Arrow column or,
// without PyArrow, of pickled rows. Its answer must be the right one, and understood to its last byte, before the
// deadline.
func selfCheck(w *worker.Worker, dialect *protocol.Dialect, info *worker.Info, deadline time.Time) error {
	conf, err := config.New(nil, "LANG=C")
	if err != nil {
		return err
	}
	var input, want []byte
	framing := protocol.Arrow
	if info.PyArrow != "" {
		input, err = warmTasks[0].input(dialect, info.PythonMinor(), conf)
		for _, value := range warmValues {
			want = binary.LittleEndian.AppendUint64(want, uint64(-value)) //nolint:gosec // its bits
		}
	} else {
		framing = protocol.Pickled
		input, err = pickledTask(dialect, info.PythonMinor())
		want = negatedRows
	}
	if err != nil {
		return err
	}
	s := &blockingSource{channel: w.Channel, reader: w.Reader, deadline: deadline}
	if err := s.send(input); err != nil {
		return err
	}
	return s.answered(protocol.NewReader(dialect, framing, s), want)
}

// The rows (1,) and (2,) as Spark's pickler may write them, and their negatives as a worker does: a list of them,
// without the pickle's frame.
var (
	pickledRows = []byte("\x80\x02](K\x01\x85K\x02\x85e.")
	negatedRows = []byte("(J\xff\xff\xff\xffJ\xfe\xff\xff\xffe.")
)

func pickledTask(dialect *protocol.Dialect, pythonVersion string) ([]byte, error) {
	pickle, err := command.Reference("operator:neg", protocol.SQLBatchedUDF, `"long"`)
	if err != nil {
		return nil, err
	}
	input := dialect.AppendInit(nil, &protocol.Init{
		PythonVersion: pythonVersion, Context: protocol.Context{CPUs: 1}, EvalType: protocol.SQLBatchedUDF,
		Chains: []protocol.Chain{{Arguments: []protocol.Argument{{}}, Commands: [][]byte{pickle}}},
	})
	input = binary.BigEndian.AppendUint32(input, uint32(len(pickledRows))) //nolint:gosec // short
	input = append(input, pickledRows...)
	return append(append(input, protocol.EndOfRecords...), protocol.EndOfTask...), nil
}

// answered reads a task's answer to its end: want must be at its data's.
func (s *blockingSource) answered(reader *protocol.Reader, want []byte) error {
	found := false
	for {
		event, err := reader.Next()
		if err != nil {
			return err
		}
		switch event {
		case protocol.Record:
			if err := checkSize(int64(reader.Length())); err != nil {
				return err
			}
			record := make([]byte, reader.Length())
			if err := s.fill(record); err != nil {
				return err
			}
			found = found || bytes.HasSuffix(record, want)
		case protocol.ArrowStream:
			ok, err := s.arrowStream(want)
			if err != nil {
				return err
			}
			found = found || ok
		case protocol.Exception:
			return status.New(status.PythonException, "%s", reader.ExceptionMessage()).
				With("python.traceback", reader.Exception())
		case protocol.End:
			switch {
			case !found:
				return status.New(status.Protocol, "the result is not the right one")
			case !reader.Result().Reusable || s.reader.Buffered() > 0:
				return status.New(status.Protocol, "the worker does not agree on the end of the task")
			}
			return nil
		}
	}
}

// arrowStream reads a stream to its end and says whether the body of one of its batches begins with want.
func (s *blockingSource) arrowStream(want []byte) (found bool, err error) {
	decoder := arrowio.NewDecoder(arrowio.DecoderOptions{})
	var taken []byte // with a batch its body, which comes last
	take := func(n int64) ([]byte, error) {
		if err := checkSize(n); err != nil {
			return nil, err
		}
		taken = make([]byte, n)
		return taken, s.fill(taken)
	}
	for {
		step, batch, err := decoder.Next(take)
		if err != nil || step.Kind == arrowio.StepEnd {
			return found, err
		}
		found = found || batch != nil && batch.Length() == int64(len(warmValues)) && bytes.Contains(taken, want)
	}
}

// checkSize refuses to read what cannot be the right answer.
func checkSize(n int64) error {
	const most = 1 << 20
	if n > most {
		return status.New(status.Protocol, "a result of %d bytes, allowed are %d", n, most)
	}
	return nil
}

// blockingSource is what a worker sends, where a read waits for it.
type blockingSource struct {
	channel  transport.Channel
	reader   *transport.Reader
	deadline time.Time
}

// Peek implements protocol.Source.
func (s *blockingSource) Peek(n int) (b []byte, err error) {
	err = s.blocking(false, func() error {
		b, err = s.reader.Peek(n)
		return err
	})
	return b, err
}

// Discard implements protocol.Source.
func (s *blockingSource) Discard(n int) { s.reader.Discard(n) }

// Read implements protocol.Source.
func (s *blockingSource) Read(p []byte) (n int, err error) {
	err = s.blocking(false, func() error {
		n, err = s.reader.Read(p)
		return err
	})
	return n, err
}

func (s *blockingSource) fill(p []byte) error {
	for n := 0; n < len(p); {
		got, err := s.Read(p[n:])
		if err != nil {
			return err
		}
		n += got
	}
	return nil
}

func (s *blockingSource) send(input []byte) error {
	writer := transport.NewWriter(s.channel)
	writer.Queue(input)
	return s.blocking(true, writer.Send)
}

// blocking repeats what would block.
func (s *blockingSource) blocking(forWriting bool, try func() error) error {
	for {
		err := try()
		switch {
		case errors.Is(err, transport.ErrClosed):
			return status.New(status.WorkerExited, "the worker closed its channel")
		case !errors.Is(err, transport.ErrWouldBlock):
			return err
		}
		left := time.Until(s.deadline)
		if left <= 0 {
			return status.New(status.Spawn, "no answer within the time for a start (udfrunner.worker.startTimeout)")
		}
		if _, err := transport.Wait(s.channel, forWriting, nil, left); err != nil {
			return err
		}
	}
}
