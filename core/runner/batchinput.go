package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/transport"
)

// batchInput writes a host's batches as one Arrow stream.
type batchInput struct {
	inputBase
	source batches
	sent   *arrowio.Encoder
	limits batchLimits
}

func (b *batchInput) open(d *protocol.Dialect) (added additions, err error) {
	source, schema, err := b.spark(d, b.source)
	if err != nil {
		return additions{}, err
	}
	b.source, b.limits = source, b.runner.batchLimits(d)
	if _, err := b.checkGrouped(0, schema); err != nil {
		return additions{}, err
	}
	if added.evalConf, err = b.inputConf(schema); err != nil {
		return additions{}, err
	}
	b.sent, err = b.encoder(schema)
	return added, err
}

func (b *batchInput) move(in *hostcall.Input) error { return b.source.move(in) }

func (b *batchInput) start(w *transport.Writer) { w.Queue(b.sent.Start()) }

func (b *batchInput) pull(w *transport.Writer) error {
	if b.limits.none() {
		messages, release, err := b.source.encode(b.sent)
		if err != nil {
			return err
		}
		queueMessages(w, messages)
		w.OnSent(release)
		return nil
	}
	array, release, err := b.source.load(b.sent)
	if err != nil {
		return err
	}
	// What is queued of the batch when an error comes is never sent, but dropped later than this call.
	defer w.OnSent(release)
	return b.limits.slice(b.sent, 0, array.Length, w)
}

func (b *batchInput) finish(w *transport.Writer) { w.Queue(arrowio.EndOfStream) }

func (b *batchInput) release() { b.source.release() }
