package hostdata

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

type Converter struct{}

func NewConverter(from, to []arrowio.Field) (*Converter, error) { return nil, nil }

func (c *Converter) Array(a *cdata.Array) (out *cdata.Array, release func(), err error) {
	return nil, nil, status.New(status.Internal, "no converter")
}
