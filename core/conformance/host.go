package conformance

import (
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hostcall"
	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/runner"
)

// Runner makes the runner that a host makes for the recorded functions.
func (c *Case) Runner(t testing.TB, e *env.Env) runner.Computer {
	t.Helper()
	r, err := runner.New(e, c.EvalType.ID, c.chains(t), c.arguments(), c.options(t, e))
	require.NoError(t, err)
	return r
}

func (c *Case) chains(t testing.TB) [][]runner.Function {
	if c.EvalType.Family == protocol.RDD {
		return [][]runner.Function{{{Pickle: c.Init.Command}}}
	}
	if f := c.Init.TableFunction; f != nil {
		return [][]runner.Function{{{
			Pickle: f.Handler, ReturnType: f.ReturnType,
			Table: &runner.TableFunction{
				Name: f.Name, PartitionChildren: f.PartitionChildren, AnalyzeResult: f.Analyzed,
				TableArguments: c.tables(t),
			},
		}}}
	}
	var chains [][]runner.Function
	for i := range c.Init.Chains {
		var chain []runner.Function
		for _, command := range c.Init.Chains[i].Commands {
			chain = append(chain, runner.Function{Pickle: command})
		}
		c.returns(t, i, &chain[len(chain)-1])
		chains = append(chains, chain)
	}
	return chains
}

// returns sets a chain's return type: that of the recorded results, or any where there are none.
func (c *Case) returns(t testing.TB, chain int, f *runner.Function) {
	switch stream := c.answerStream(t); {
	case c.EvalType.Framing == protocol.Pickled:
		f.ReturnType = "long" // for references only
	case stream == nil && c.EvalType.StructOutput:
		f.ReturnType = "x long"
	case stream == nil:
		f.ReturnType = "long"
	default:
		content, err := arrowtest.Read(stream, false)
		require.NoError(t, err)
		defer content.Release()
		if c.EvalType.Family == protocol.GroupedMapWithState {
			chain = 1 // behind the counts
		}
		field := content.Schema.Fields[chain]
		f.ReturnField = &field
	}
}

func (c *Case) tables(t testing.TB) (offsets []int32) {
	for _, entry := range c.Init.EvalConf {
		if entry.Key == protocol.EvalConfTableArguments && entry.Value != "" {
			n, err := strconv.Atoi(entry.Value)
			require.NoError(t, err, "the recorded functions have one table argument")
			offsets = append(offsets, int32(n)) //nolint:gosec // small
		}
	}
	return offsets
}

func (c *Case) arguments() [][]runner.Argument {
	convert := func(from []protocol.Argument) []runner.Argument {
		var list []runner.Argument
		for _, a := range from {
			list = append(list, runner.Argument{Offset: a.Offset, Name: a.Name})
		}
		return list
	}
	switch {
	case c.EvalType.Family == protocol.RDD:
		return [][]runner.Argument{nil}
	case c.Init.TableFunction != nil:
		return [][]runner.Argument{convert(c.Init.TableFunction.Arguments)}
	}
	var all [][]runner.Argument
	for i := range c.Init.Chains {
		all = append(all, convert(c.Init.Chains[i].Arguments))
	}
	return all
}

// options set what the host says by keys, and leave out what the library says by itself.
func (c *Case) options(t testing.TB, e *env.Env) runner.Options {
	conf := e.Config()
	set := func(key, value string) {
		var err error
		conf, err = conf.With(key, value)
		require.NoError(t, err)
	}
	for _, entry := range c.Init.RunnerConf {
		if entry.Key == c.Dialect.WindowBounds {
			set(config.WindowBounds, entry.Value)
		} else {
			set(entry.Key, entry.Value)
		}
	}
	for _, entry := range c.Init.EvalConf {
		if entry.Key != protocol.EvalConfInputType && entry.Key != protocol.EvalConfTableArguments {
			set(config.EvalConf+entry.Key, entry.Value)
		}
	}
	if c.Init.Profiler != "" {
		set(config.UDFProfiler, c.Init.Profiler)
	}
	set(config.PythonVersion, c.Init.PythonVersion)
	if c.Init.FilesDir != "" {
		set(config.FilesDirectory, c.Init.FilesDir)
	}
	options := runner.Options{Includes: c.Init.Includes}
	if s := c.Init.BroadcastServer; s != nil {
		address := s.Path
		if address == "" {
			address = strconv.Itoa(int(s.Port))
		}
		set(config.BroadcastServer, address)
		set(config.BroadcastSecret, s.Secret)
	}
	for _, b := range c.Init.Broadcasts {
		if !b.Drop {
			options.Broadcasts = append(options.Broadcasts, runner.Broadcast{ID: b.ID, Path: b.Path})
		}
	}
	options.Config = conf
	return options
}

// Task is the recorded task's identity.
func (c *Case) Task() runner.Task {
	from := &c.Init.Context
	task := runner.Task{
		Partition: from.Partition, Attempt: from.Attempt, Stage: from.Stage, CPUs: from.CPUs,
		TaskAttemptID: from.TaskAttemptID,
		Barrier:       from.Barrier, BarrierPort: from.BarrierPort,
		BarrierSecret: from.Secret, BarrierPath: from.BarrierPath,
	}
	for _, r := range from.Resources {
		task.Resources = append(task.Resources, runner.Resource{Name: r.Name, Addresses: r.Addresses})
	}
	for _, p := range from.Properties {
		task.Properties = append(task.Properties, config.Pair{Key: p.Key, Value: p.Value})
	}
	return task
}

// Input is the recorded data as a host has it.
func (c *Case) Input(t testing.TB) hostcall.Input {
	t.Helper()
	if c.Uneven() {
		newer := read(t, filepath.Join(testdata(), "4.2", c.Name+".in"))
		return newer.Input(t)
	}
	section := Split(t, c.Dialect, c.EvalType, c.Data)
	if c.EvalType.Framing == protocol.Pickled {
		var answers []hosttest.Answer
		if len(section.Records) > 0 {
			answers = append(answers, hosttest.OK(section.Records...))
		}
		return hosttest.NewRecords(t, answers...).Input()
	}
	switch c.Dialect.Grouping(c.EvalType) {
	case protocol.StreamPerGroup, protocol.StreamPair:
		return c.groups(t, section.Groups)
	case protocol.BatchPerGroup:
		parts := messages(t, section.Groups[0][0])
		first, last := parts[0], parts[len(parts)-1]
		var groups [][][]byte
		for _, batch := range parts[1 : len(parts)-1] {
			groups = append(groups, [][]byte{slices.Concat(first, batch, last)})
		}
		return c.groups(t, groups)
	}
	return c.stream(t, section.Groups[0][0]).Input()
}

func (c *Case) groups(t testing.TB, ipc [][][]byte) hostcall.Input {
	var groups [][]*hosttest.Stream
	for _, group := range ipc {
		var streams []*hosttest.Stream
		for _, stream := range group {
			streams = append(streams, c.stream(t, stream))
		}
		groups = append(groups, streams)
	}
	return hosttest.NewGroups(t, groups...).Input()
}

// stream is one of the host's: Spark wraps columns for some eval types, the host has them as they are.
func (c *Case) stream(t testing.TB, ipc []byte) *hosttest.Stream {
	if c.EvalType.StructInput {
		return hosttest.UnwrappedStreamOf(t, ipc)
	}
	return hosttest.StreamOf(t, ipc)
}
