package conformance

import (
	"fmt"
	"strings"

	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// Factory is a way of making workers.
type Factory struct {
	Name string
	// Mark stands for it in the document.
	Mark string
	// Settings choose it.
	Settings []config.Pair
	// UnixSockets are there from PySpark 4.1 on.
	UnixSockets bool
	// OneTask factories make a worker for each task.
	OneTask bool
}

// Factories are all of them, the embedded daemon first.
var Factories = []Factory{
	{Name: "embedded daemon", Mark: "e"},
	{Name: "pyspark.daemon over TCP", Mark: "d",
		Settings: []config.Pair{{Key: config.PythonDaemonModule, Value: "pyspark.daemon"}}},
	{
		Name: "pyspark.daemon over Unix sockets", Mark: "D", UnixSockets: true,
		Settings: []config.Pair{
			{Key: config.PythonDaemonModule, Value: "pyspark.daemon"}, {Key: config.PythonUnixSockets, Value: "true"},
		},
	},
	{
		Name: "pyspark.worker over TCP", Mark: "w", OneTask: true,
		Settings: []config.Pair{{Key: config.PythonUseDaemon, Value: "false"}},
	},
	{
		Name: "pyspark.worker over Unix sockets", Mark: "W", OneTask: true, UnixSockets: true,
		Settings: []config.Pair{{Key: config.PythonUseDaemon, Value: "false"},
			{Key: config.PythonUnixSockets, Value: "true"}},
	},
}

// Matrix is what the replays showed: for each eval type, version and factory whether all tasks that were run gave the
// recorded results.
type Matrix map[cell]bool

type cell struct {
	evalType    int32
	minor, mark string
}

// Ran records a replay.
func (m Matrix) Ran(c *Case, f Factory, ok bool) {
	at := cell{c.EvalType.ID, c.Minor, f.Mark}
	before, known := m[at]
	m[at] = ok && (before || !known)
}

// Holes are the cells of the document that no replay filled, or not with success.
func (m Matrix) Holes() (holes []string) {
	for _, e := range protocol.EvalTypes() {
		for _, d := range dialects() {
			for _, mark := range marks(e, d) {
				if !m[cell{e.ID, d.Minor, mark}] {
					holes = append(holes, fmt.Sprintf("eval type %d (%s), PySpark %s, %s", e.ID, e.Name, d.Minor, mark))
				}
			}
		}
	}
	return holes
}

func dialects() (list []*protocol.Dialect) {
	for _, minor := range protocol.Minors() {
		if d, err := protocol.ForVersion(minor + ".0"); err == nil {
			list = append(list, d)
		}
	}
	return list
}

// marks are the factories in whose workers an eval type of a version runs, none where the version does not have the
// type.
func marks(e *protocol.EvalType, d *protocol.Dialect) (list []string) {
	if status.CodeOf(d.Check(&protocol.Init{EvalType: e.ID})) == status.NotSupported {
		return nil
	}
	for _, f := range Factories {
		if !f.UnixSockets || d.SocketPaths {
			list = append(list, f.Mark)
		}
	}
	return list
}

// lacking is the text of a cell whose version does not have the eval type.
const lacking = "–"

// Document is the page that shows the matrix without holes.
func Document() string {
	var b strings.Builder
	b.WriteString(`# Conformance

Made by ` + "`make conformance`" + `: tasks that real Spark sent to its workers, recorded for each version, are replayed
through the library on workers of that version, and every result must be the one that Spark got. A letter stands for a
way of starting workers in which all tasks of an eval type gave these results; the page is written only if all did.

`)
	for _, f := range Factories {
		b.WriteString("- `" + f.Mark + "` " + f.Name)
		if f.UnixSockets {
			b.WriteString(", from PySpark 4.1 on")
		}
		if f.OneTask {
			b.WriteString("; one task of each eval type")
		}
		b.WriteByte('\n')
	}
	b.WriteString("- `" + lacking + "` this PySpark does not have the eval type\n\n")
	b.WriteString(`The host's servers for barriers, broadcast variables and state run next to the tasks. Versions 4.0 to
4.2 are tried with pyspark-client, which has no RDDs and no broadcast variables: recorded tasks with broadcast variables
are not replayed there, and for eval type 0 equivalent functions, pickled by the client, replace the recorded ones,
which name PySpark's RDD classes. Before 4.2 Spark sends initial states (212, 214) and rows of a key in one batch of
uneven columns; a host sends them one after the other, as from 4.2 on, so that their batches differ from the recorded
ones.

| | Eval type |`)
	for _, d := range dialects() {
		b.WriteString(" " + d.Minor + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(dialects())) + "\n")
	for _, e := range protocol.EvalTypes() {
		fmt.Fprintf(&b, "| %d | `%s` |", e.ID, e.Name)
		for _, d := range dialects() {
			text := strings.Join(marks(e, d), "")
			if text == "" {
				text = lacking
			}
			b.WriteString(" " + text + " |")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
