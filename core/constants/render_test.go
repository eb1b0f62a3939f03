package constants

import (
	"fmt"
	"regexp"
	"strings"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// oldest is the first PySpark minor: eval types of it need no word on their version.
var oldest = protocol.Minors()[0]

// lines joins lines, each with an end.
func lines(list []string) string { return strings.Join(list, "\n") + "\n" }

// wrapped breaks a text into lines of at most width bytes.
func wrapped(text string, width int) []string {
	list := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &list[len(list)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			list = append(list, word)
		}
	}
	return list
}

// ---------------------------------------------------------------------- C

func codesForC() string {
	var list []string
	for _, e := range status.Errors {
		text := strings.Join(wrapped(e.Text, 100), "\n * ")
		list = append(list, "/* "+text+" */", fmt.Sprintf("#define UDFRUNNER_%s (%d)", e.Name, e.Code))
	}
	return lines(list)
}

// evalTypesForC aligns comments in neighbouring lines, as clang-format does.
func evalTypesForC() string {
	var list []string
	all := protocol.EvalTypes()
	for i := 0; i < len(all); {
		first, width := i, 0
		for ; i < len(all) && all[i].Since() != oldest; i++ {
			width = max(width, len(define(all[i])))
		}
		for _, e := range all[first:i] {
			list = append(list, fmt.Sprintf("%-*s /* %s */", width, define(e), e.Since()))
		}
		if first == i {
			list = append(list, define(all[i]))
			i++
		}
	}
	return lines(list)
}

func define(e *protocol.EvalType) string { return fmt.Sprintf("#define UDFRUNNER_%s %d", e.Name, e.ID) }

func detailsForC() string {
	list := []string{"/* The keys of details:"}
	for _, d := range status.Details {
		list = append(list, fmt.Sprintf(" *   %-20s %s", d.Key, d.Text))
	}
	list = append(list,
		" * The words of the detail cause, for programs to decide on and to count; docs/crashes.md shows each with "+
			"its code:")
	for _, c := range status.Causes {
		list = append(list, fmt.Sprintf(" *   %-17s %s", c.Cause, c.Text))
	}
	return lines(append(list, " */"))
}

// --------------------------------------------------------------------- Go

// acronyms are the words that are written in capitals in Go's names.
var acronyms = regexp.MustCompile(`^(SQL|UDF|UDTF)$`)

func evalTypesForGo() string {
	list := []string{"const ("}
	for _, e := range protocol.EvalTypes() {
		var name string
		for word := range strings.SplitSeq(e.Name, "_") {
			if !acronyms.MatchString(word) {
				word = word[:1] + strings.ToLower(word[1:])
			}
			name += word
		}
		list = append(list, fmt.Sprintf("\t%s int32 = %d", name, e.ID))
	}
	return lines(append(aligned(list), ")", ""))
}

// aligned gives constants their types in one column, as gofmt does.
func aligned(list []string) []string {
	width := 0
	for _, line := range list[1:] {
		name, _, _ := strings.Cut(line, " ")
		width = max(width, len(name))
	}
	for i, line := range list[1:] {
		name, rest, _ := strings.Cut(line, " ")
		list[i+1] = fmt.Sprintf("%-*s %s", width, name, rest)
	}
	return list
}

// ----------------------------------------------------------------- Python

func codesForPython() string {
	var list []string
	for _, e := range status.Errors {
		list = append(list, fmt.Sprintf("UDFRUNNER_%s = %d", e.Name, e.Code))
	}
	return lines(list)
}

func evalTypesForPythonABI() string {
	var list []string
	for _, e := range protocol.EvalTypes() {
		list = append(list, fmt.Sprintf("UDFRUNNER_%s = %d", e.Name, e.ID))
	}
	return lines(list)
}

func causesForPython() string {
	var list []string
	for _, c := range status.Causes {
		list = append(list, fmt.Sprintf("    %q,", c.Cause))
	}
	return lines(list)
}

func evalTypesForPython() string {
	var list, aliases []string
	for i, e := range protocol.EvalTypes() {
		if i > 0 && e.ID/50 != protocol.EvalTypes()[i-1].ID/50 {
			list = append(list, "")
		}
		for _, line := range wrapped(strings.ReplaceAll(described(e), "`", "``"), 93) {
			list = append(list, "    #: "+line)
		}
		list = append(list, fmt.Sprintf("    %s = %d", e.Name, e.ID))
		if short := evalTypes[e.ID].short; short != "" {
			aliases = append(aliases, fmt.Sprintf("    %s = %d", short, e.ID))
		}
	}
	return lines(append(append(list, ""), aliases...))
}

// described is an eval type's sentence, and since when it is there.
func described(e *protocol.EvalType) string {
	if e.Since() == oldest {
		return evalTypes[e.ID].text
	}
	return evalTypes[e.ID].text + " Since PySpark " + e.Since() + "."
}

// ------------------------------------------------------------------- Java

var code = regexp.MustCompile("`([^`]*)`")

// evalTypesForJava is as google-java-format has it.
func evalTypesForJava() string {
	var list []string
	for i, e := range protocol.EvalTypes() {
		text := code.ReplaceAllString(described(e), "{@code $1}")
		if line := "  /** " + text + " */"; len(line) <= 100 {
			list = append(list, line)
		} else {
			list = append(list, "  /**")
			for _, line := range wrapped(text, 95) {
				list = append(list, "   * "+line)
			}
			list = append(list, "   */")
		}
		end := ","
		if i == len(protocol.EvalTypes())-1 {
			end = ";"
		}
		list = append(list, fmt.Sprintf("  %s(%d)%s", e.Name, e.ID, end))
	}
	return lines(list)
}
