package datasection

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// streamBatches are those of an Arrow C stream.
type streamBatches struct {
	mem    *hostmem.Functions
	stream *hostcall.Stream
}

func (b *streamBatches) move(in *hostcall.Input) (err error) {
	b.stream, err = hostcall.MoveStream(b.mem, in)
	return err
}

func (b *streamBatches) schema() (*arrowio.Schema, error) { return importSchema(b.stream) }

func importSchema(stream *hostcall.Stream) (*arrowio.Schema, error) {
	c, err := stream.Schema()
	if err != nil {
		return nil, err
	}
	schema, err := arrowio.ImportSchema(c.C)
	c.Release()
	if err != nil {
		return nil, status.New(status.Host, "input stream %w", err)
	}
	return schema, nil
}

func (b *streamBatches) encode(e *arrowio.Encoder) ([]arrowio.Message, func(), error) {
	return b.arrays().encode(e)
}

func (b *streamBatches) load(e *arrowio.Encoder) (*cdata.Array, func(), error) {
	return b.arrays().load(e)
}

func (b *streamBatches) arrays() arraySource { return arraysOf(b.stream) }

// arraysOf are those of a host's stream.
func arraysOf(stream *hostcall.Stream) arraySource {
	return func() (*cdata.Array, func(), error) {
		array, err := stream.Next()
		if err != nil {
			return nil, nil, err
		}
		return array.C, array.Release, nil
	}
}

func (b *streamBatches) release() { b.stream.Release() }
