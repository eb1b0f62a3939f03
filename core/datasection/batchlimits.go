package datasection

import (
	"math"

	"udfrunner/core/arrowio"
	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/transport"
)

// batchLimits are where Spark's writers end a batch: at this many rows, or with the row that makes it this large.
// Zero is no limit.
type batchLimits struct{ rows, bytes int64 }

func (l batchLimits) none() bool { return l == batchLimits{} }

// batchLimits are those that the host has set, for batches of one stream. Not set, the host's batches go as they are.
func (f *Functions) batchLimits(d *protocol.Dialect) (limits batchLimits) {
	if _, set := f.Conf.Lookup(config.ArrowMaxRecords); set {
		limits.rows = max(0, int64(f.Conf.Int(config.ArrowMaxRecords)))
	}
	if _, set := f.Conf.Lookup(config.ArrowMaxBytes); set && d.ByteLimit {
		limits.bytes = f.Conf.Size(config.ArrowMaxBytes)
	}
	if limits.bytes == math.MaxInt32 { // Spark's default, which it takes for no limit
		limits.bytes = 0
	}
	return limits
}

// groupLimits are those for batches of groups.
func (f *Functions) groupLimits(d *protocol.Dialect) batchLimits {
	grouping := d.Grouping(f.EvalType)
	whole := grouping == protocol.BatchPerGroup || grouping == protocol.StreamPair && !d.SplitGroups
	if whole || f.Layout.Uncut {
		return batchLimits{}
	}
	return f.batchLimits(d)
}

// slice queues rows of what an encoder loaded.
func (l batchLimits) slice(e *arrowio.Encoder, from, to int64, w *transport.Writer) error {
	for first := true; first || from < to; first = false {
		end := to
		if l.rows > 0 {
			end = min(end, from+l.rows)
		}
		if l.bytes > 0 {
			var err error
			if end, err = e.Filled(from, end, l.bytes); err != nil {
				return err
			}
		}
		messages, err := e.Slice(from, end)
		if err != nil {
			return err
		}
		queueMessages(w, messages)
		from = end
	}
	return nil
}
