package datasection

import (
	"encoding/binary"

	"udfrunner/core/arrowio"
	"udfrunner/core/protocol"
	"udfrunner/core/transport"
)

// groupFrame writes groups as the task's dialect frames them: each as Arrow streams of its own, with the count of
// streams in front, or as batches of one stream for all (Spark's GroupedPythonArrowInput and
// CoGroupedArrowPythonRunner). Which one it is was chosen when the input was opened.
type groupFrame struct {
	grouping protocol.Grouping
	encoders []*arrowio.Encoder // one a side
	side     int                // being written
	limits   batchLimits
}

// apart says whether groups are streams of their own.
func (f *groupFrame) apart() bool {
	return f.grouping == protocol.StreamPerGroup || f.grouping == protocol.StreamPair
}

// start queues what precedes the first group.
func (f *groupFrame) start(w *transport.Writer) {
	if !f.apart() {
		w.Queue(f.encoders[0].Start())
	}
}

// begin queues what precedes the batches of the first side of a group.
func (f *groupFrame) begin(w *transport.Writer) {
	f.side = 0
	if f.apart() {
		w.Queue(binary.BigEndian.AppendUint32(nil, uint32(len(f.encoders)))) //nolint:gosec // 1 or 2
		f.stream(w)
	}
}

// stream begins the side's stream.
func (f *groupFrame) stream(w *transport.Writer) {
	f.encoders[f.side].Restart()
	w.Queue(f.encoders[f.side].Start())
}

// end queues what follows the batches of the side, and of the next side what precedes them.
func (f *groupFrame) end(w *transport.Writer) {
	if !f.apart() {
		return
	}
	w.Queue(arrowio.EndOfStream)
	if f.side++; f.side < len(f.encoders) {
		f.stream(w)
	}
}

// finish queues what follows the last group.
func (f *groupFrame) finish(w *transport.Writer) {
	if f.apart() {
		w.Queue(binary.BigEndian.AppendUint32(nil, 0))
	} else {
		w.Queue(arrowio.EndOfStream)
	}
}

// slice queues rows of what the side's encoder loaded, as batches within the limits.
func (f *groupFrame) slice(from, to int64, w *transport.Writer) error {
	return f.limits.slice(f.encoders[f.side], from, to, w)
}

// queueJoined queues the rows that were appended to the side's encoder as one batch, also where there are none: a
// worker wants at least one.
func (f *groupFrame) queueJoined(w *transport.Writer) error {
	messages, err := f.encoders[f.side].Joined()
	if err == nil {
		queueMessages(w, messages)
	}
	return err
}

// pullTarget is how much one pull of an input with little data queues, so that small groups do not cost a system
// call each.
const pullTarget = 64 << 10
