package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/datasection"
	"udfrunner/core/env"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// New makes a runner from chained functions and their argument offsets, as many as there are chains
// (BasePythonRunner's constructor requires it, too). Errors are InvalidArgument or NotSupported and
// name the chain.
func New(e *env.Env, evalTypeID int32, chains [][]Function, offsets [][]Argument, options Options) (Computer, error) {
	evalType, err := protocol.EvalTypeByID(evalTypeID)
	if err != nil {
		return nil, err
	}
	if len(chains) != len(offsets) {
		return nil, status.New(status.InvalidArgument,
			"%d chains of functions but %d lists of argument offsets, they must be equally many",
			len(chains), len(offsets))
	}
	if err := checkCount(evalType, len(chains)); err != nil {
		return nil, err
	}
	list, functions := make([]*chain, len(chains)), families[evalType.Family].functions
	for i := range chains {
		if list[i], err = readChain(evalType, functions, i, chains[i], offsets[i]); err != nil {
			return nil, err
		}
	}
	return construct(e, evalType, list, options)
}

// construct makes a runner from chains that were read.
func construct(e *env.Env, evalType *protocol.EvalType, chains []*chain, options Options) (Computer, error) {
	b, row := newBase(e, evalType, options), families[evalType.Family]
	for i, c := range chains {
		if err := b.add(row.functions, i, c); err != nil {
			return nil, err
		}
	}
	if err := b.checkSettings(); err != nil {
		return nil, err
	}
	return row.runner(b), nil
}

// newBase is a base to which chains are to be added.
func newBase(e *env.Env, evalType *protocol.EvalType, options Options) *base {
	row := families[evalType.Family]
	b := &base{
		Functions: datasection.Functions{
			Memory: e.Memory(), Conf: options.Config, EvalType: evalType, Layout: row.layout,
		},
		env: e, windows: row.windows, idle: row.idle,
		includes: options.Includes, broadcasts: options.Broadcasts,
	}
	b.PyArrow = b.pyArrow
	if b.Conf == nil {
		b.Conf = e.Config()
	}
	if evalType.Framing == protocol.Arrow {
		b.Schema = &arrowio.Schema{}
	}
	return b
}

// checkCount checks how many chains there are.
func checkCount(e *protocol.EvalType, n int) error {
	if n == 0 {
		return status.New(status.InvalidArgument, "runner has no functions, at least one chain is needed")
	}
	if e.SingleChain && n > 1 {
		return status.New(status.InvalidArgument,
			"%d chains of functions, eval type %d (%s) takes one", n, e.ID, e.Name)
	}
	return nil
}
