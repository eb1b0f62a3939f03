package arrowio_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// FuzzDecoder feeds streams that were changed at will: what the decoder accepts must be sound enough for the
// encoder, which checks arrays by other means, to take it, and nothing may leak.
func FuzzDecoder(f *testing.F) {
	all, _ := streams(f)
	for _, stream := range all {
		if len(stream) < 16<<10 {
			f.Add(stream)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, messages := range []bool{false, true} {
			b := newBlocks()
			d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions, Messages: messages})
			err := feed(d, stream, func(step arrowio.Step, _ *arrowio.Batch) error {
				if messages {
					block, _, err := d.Take()
					b.Release(block)
					return err
				}
				if step.Kind == arrowio.StepBatch {
					encodeAgain(t, d, b)
				}
				return nil
			})
			if code := status.CodeOf(err); code == status.Internal || code == status.Host {
				t.Fatal(err)
			}
			d.Close()
			b.requireReleased(t)
		}
	})
}

func encodeAgain(t *testing.T, d *arrowio.Decoder, b *blocks) {
	var a cdata.Array
	var schema cdata.Schema
	require.NoError(t, d.Export(&a, &schema))
	imported, err := arrowio.ImportSchema(&schema)
	if err == nil { // Names need not be UTF-8 in IPC.
		e, err := arrowio.NewEncoder(imported, arrowio.EncoderOptions{})
		require.NoError(t, err)
		_, err = e.Array(&a)
		require.NoError(t, err)
	}
	releaseSchema(&schema)
	release(&a)
}
