// Package arrowtest reads Arrow data for tests: whole IPC streams, and single values of arrays as Go values.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package arrowtest

import (
	"errors"
	"unsafe"

	"github.com/ebitengine/purego"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
)

// Content is what an IPC stream holds.
type Content struct {
	Schema *arrowio.Schema
	// Batches are struct arrays of C memory. Who reads the stream releases them, all at once (Release) or each.
	Batches []*cdata.Array
	// Size is the bytes of the stream, its end included: others may follow.
	Size int
}

// Read decodes an IPC stream up to its end marker, or to the end of the bytes between two messages. unwrap says that
// its columns are the fields of one struct column, as Spark sends and takes them for mapInPandas and mapInArrow.
func Read(stream []byte, unwrap bool) (*Content, error) {
	d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: hostmem.Default(), UnwrapStruct: unwrap})
	defer d.Close()
	content := &Content{}
	if err := content.read(d, stream); err != nil {
		content.Release()
		return nil, err
	}
	content.Schema = d.Schema()
	return content, nil
}

func (c *Content) read(d *arrowio.Decoder, stream []byte) error {
	in := &Bytes{Left: stream}
	defer func() { c.Size = in.Taken }()
	for len(in.Left) > 0 || d.Schema() == nil {
		step, _, err := d.Next(in.Take)
		switch {
		case err != nil:
			return err
		case step.Kind == arrowio.StepEnd && d.Schema() == nil:
			return errors.New("stream ends before its schema")
		case step.Kind == arrowio.StepEnd:
			return nil
		case step.Kind != arrowio.StepBatch:
			continue
		}
		batch := &cdata.Array{}
		if err := d.Export(batch, nil); err != nil {
			return err
		}
		c.Batches = append(c.Batches, batch)
	}
	return nil
}

// Release releases the batches that are not released.
func (c *Content) Release() {
	for _, batch := range c.Batches {
		if batch.Release != 0 {
			purego.SyscallN(batch.Release, uintptr(unsafe.Pointer(batch)))
		}
	}
}

// Rows is the batches' rows, batch by batch: values by Value, in the order of the columns.
func (c *Content) Rows() [][][]any {
	batches := make([][][]any, len(c.Batches))
	for i, batch := range c.Batches {
		batches[i] = Rows(c.Schema, batch)
	}
	return batches
}
