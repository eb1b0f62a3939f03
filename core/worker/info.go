package worker

import "strings"

// Info is what is known of a factory's interpreter.
type Info struct {
	Python  string // "3.11.7"
	PySpark string // "4.2.0"
	PyArrow string // "" where it is missing
	Pandas  string // "" where it is missing
	Threads int    // of an embedded daemon, after the imports
	Zygote  bool   // workers are forked after the imports
	Notes   []string
}

// PythonMinor is the interpreter's minor version, as "3.11".
func (i *Info) PythonMinor() string {
	if parts := strings.SplitN(i.Python, ".", 3); len(parts) >= 2 {
		return parts[0] + "." + parts[1]
	}
	return i.Python
}
