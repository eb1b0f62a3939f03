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
	{Name: "pyspark.daemon over TCP", Mark: "d", Settings: []config.Pair{{Key: config.PythonDaemonModule, Value: "pyspark.daemon"}}},
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
		Settings: []config.Pair{{Key: config.PythonUseDaemon, Value: "false"}, {Key: config.PythonUnixSockets, Value: "true"}},
	},
}

// Matrix is what the replays showed: for each eval type, version and factory whether all recorded tasks gave the recorded results.
type Matrix struct {
	cells map[cell]bool
	left  map[cell]string
}

type cell struct {
	evalType    int32
	minor, mark string
}

// NewMatrix is empty.
func NewMatrix() *Matrix { return &Matrix{cells: map[cell]bool{}, left: map[cell]string{}} }

// Ran records a replay.
func (m *Matrix) Ran(c *Case, f Factory, ok bool) {
	at := cell{c.EvalType.ID, c.Minor, f.Mark}
	before, known := m.cells[at]
	m.cells[at] = ok && (before || !known)
}

// Left records that a case was not replayed, and why.
func (m *Matrix) Left(c *Case, why string) { m.left[cell{c.EvalType.ID, c.Minor, ""}] = why }

// Texts of cells without a replay.
const (
	// Lacking: the version has not the eval type.
	Lacking = "–"
	// Elsewhere: the recorded functions need a server of the host.
	Elsewhere = "s"
	// Whole: they need more of PySpark than pyspark-client has.
	Whole = "c"
	// Broken: the tests' PySpark fails by itself.
	Broken = "p"
)

func (m *Matrix) text(e *protocol.EvalType, d *protocol.Dialect) string {
	if lacks(e, d) {
		return Lacking
	}
	text := ""
	for _, f := range Factories {
		if f.UnixSockets && !d.SocketPaths {
			continue
		}
		if ok, known := m.cells[cell{e.ID, d.Minor, f.Mark}]; ok {
			text += f.Mark
		} else if known {
			text += "**" + f.Mark + " fails**"
		}
	}
	if text == "" {
		return m.left[cell{e.ID, d.Minor, ""}]
	}
	return text
}

func lacks(e *protocol.EvalType, d *protocol.Dialect) bool {
	return status.CodeOf(d.Check(&protocol.Init{EvalType: e.ID})) == status.NotSupported
}

// Document is the page that shows the matrix.
func (m *Matrix) Document() string {
	var b strings.Builder
	b.WriteString(`# Conformance

Made by ` + "`make conformance`" + `: tasks that real Spark sent to its workers, recorded for each version, are replayed through the library on workers of
that version, and every result must be the one that Spark got. A letter stands for a way of making workers in which all recorded tasks of an
eval type gave these results.

`)
	for _, f := range Factories {
		b.WriteString("- `" + f.Mark + "` " + f.Name)
		if f.UnixSockets {
			b.WriteString(", from PySpark 4.1 on")
		}
		b.WriteByte('\n')
	}
	b.WriteString("- `" + Elsewhere + "` the recorded tasks need a server of the host (for state, barriers); tests of the Python package run them where they can\n")
	b.WriteString("- `" + Whole + "` the recorded functions need PySpark's RDDs, which the pyspark-client of the tests has not\n")
	b.WriteString("- `" + Broken + "` this PySpark fails by itself with the PyArrow of the tests (4.0.4 and 4.1.3 with PyArrow 26; later ones do not)\n")
	b.WriteString("- `" + Lacking + "` this PySpark has not the eval type\n\n| | Eval type |")
	minors := protocol.Minors()
	for _, minor := range minors {
		b.WriteString(" " + minor + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(minors)) + "\n")
	for _, e := range protocol.EvalTypes() {
		b.WriteString(row(e, func(d *protocol.Dialect) string { return m.text(e, d) }))
	}
	return b.String()
}

func row(e *protocol.EvalType, text func(*protocol.Dialect) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %d | `%s` |", e.ID, e.Name)
	for _, minor := range protocol.Minors() {
		if d, err := protocol.ForVersion(minor + ".0"); err == nil {
			b.WriteString(" " + text(d) + " |")
		}
	}
	return b.String() + "\n"
}

// CheckDocument says which row of the document is not what this version of the library would write, results apart:
// an eval type without a row, a cell with or without a text that should be the other way round, or one that fails.
func CheckDocument(document string) error {
	for _, e := range protocol.EvalTypes() {
		start := fmt.Sprintf("| %d | `%s` |", e.ID, e.Name)
		_, line, found := strings.Cut(document, "\n"+start)
		if !found {
			return fmt.Errorf("no row for eval type %d (%s)", e.ID, e.Name)
		}
		line, _, _ = strings.Cut(line, "\n")
		cells := strings.Split(strings.Trim(line, "| "), "|")
		if len(cells) != len(protocol.Minors()) {
			return fmt.Errorf("eval type %d (%s): %d cells, there are %d versions", e.ID, e.Name, len(cells), len(protocol.Minors()))
		}
		for i, minor := range protocol.Minors() {
			d, err := protocol.ForVersion(minor + ".0")
			if err != nil {
				return err
			}
			text := strings.TrimSpace(cells[i])
			if lacks(e, d) != (text == Lacking) || text == "" || strings.Contains(text, "fails") {
				return fmt.Errorf("eval type %d (%s) with PySpark %s: cell %q", e.ID, e.Name, minor, text)
			}
		}
	}
	return nil
}
