package command

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// loaded is what testdata/load.py reports of one command.
type loaded struct {
	Function   string // module.qualname
	Class      string
	Result     any // of calling the function with 20
	ReturnType string
	Error      string
	Message    string
	Name       string // of an ImportError
}

type request struct {
	Command string `json:"command"` // base64
	Call    bool   `json:"call"`
}

// load runs commands through PySpark's read_command, in one process of a PySpark version.
func load(t *testing.T, minor string, requests []request) []loaded {
	t.Helper()
	input, err := json.Marshal(requests)
	require.NoError(t, err)
	modules, err := filepath.Abs(filepath.Join("testdata", "modules"))
	require.NoError(t, err)
	cmd := testenv.Command(t, minor, filepath.Join("testdata", "load.py"))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+modules, "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdin = strings.NewReader(string(input))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var results []loaded
	require.NoError(t, json.Unmarshal(output, &results))
	require.Len(t, results, len(requests))
	return results
}

const long = `"long"`

var references = []struct {
	name, ref  string
	evalType   int32
	returnType string
	call       bool
	want       loaded
}{
	{"plain function", "functions:increment", 200, long, true,
		loaded{Function: "functions.increment", Class: "function", Result: 21.0, ReturnType: long}},
	{"no return type", "functions:increment", 100, "", true,
		loaded{Function: "functions.increment", Class: "function", Result: 21.0}},
	{"nested return type", "functions:increment", 207,
		`{"fields":[{"metadata":{},"name":"é","nullable":true,"type":"long"}],"type":"struct"}`, true,
		loaded{Function: "functions.increment", Class: "function", Result: 21.0,
			ReturnType: `{"fields":[{"metadata":{},"name":"\u00e9","nullable":true,"type":"long"}],"type":"struct"}`}},
	{"standard library", "math:sqrt", 100, `"double"`, false,
		loaded{Function: "math.sqrt", Class: "builtin_function_or_method", ReturnType: `"double"`}},
	{"static method", "functions:Calculator.double", 200, long, true,
		loaded{Function: "functions.Calculator.double", Class: "function", Result: 40.0, ReturnType: long}},
	{"method of an object", "package.inner:calculator.add", 200, long, true,
		loaded{Function: "functions.Calculator.add", Class: "method", Result: 27.0, ReturnType: long}},
	{"class", "functions:Calculator", 200, long, false,
		loaded{Function: "functions.Calculator", Class: "type", ReturnType: long}},
	{"partial", "functions:add_five", 200, long, true,
		loaded{Function: "", Class: "partial", Result: 25.0, ReturnType: long}},
	{"partial with an eval type", "functions:marked_partial", 200, long, true,
		loaded{Function: "", Class: "partial", Result: 25.0, ReturnType: long}},
	{"lambda by name", "functions:shout", 100, `"string"`, true,
		loaded{Function: "functions.<lambda>", Class: "function", Result: "20!", ReturnType: `"string"`}},
	{"unicode name", "functions:größe", 100, long, true,
		loaded{Function: "functions.größe", Class: "function", Result: 20.0, ReturnType: long}},
	{"udf", "decorated:plain", 100, long, true,
		loaded{Function: "decorated.plain", Class: "function", Result: 21.0, ReturnType: long}},
	{"udf with Arrow data", "decorated:plain", 101, long, true,
		loaded{Function: "decorated.plain", Class: "function", Result: 21.0, ReturnType: long}},
	{"Arrow-optimized udf with pickled data", "decorated:optimized", 100, long, true,
		loaded{Function: "decorated.optimized", Class: "function", Result: 22.0, ReturnType: long}},
	{"pandas_udf", "decorated:pandas", 200, long, true,
		loaded{Function: "decorated.pandas", Class: "function", Result: 23.0, ReturnType: long}},
	{"arrow_udf", "decorated:arrow", 250, long, true,
		loaded{Function: "decorated.arrow", Class: "function", Result: 24.0, ReturnType: long}},
	{"UserDefinedFunction object", "decorated:unwrapped", 200, long, true,
		loaded{Function: "functions.increment", Class: "function", Result: 21.0, ReturnType: long}},
	{"missing module", "absent.module:f", 200, long, false,
		loaded{Error: "ModuleNotFoundError", Name: "absent",
			Message: "function reference 'absent.module:f': No module named 'absent'"}},
	{"module that cannot be imported", "broken:f", 200, long, false,
		loaded{Error: "ModuleNotFoundError", Name: "not_installed",
			Message: "function reference 'broken:f': No module named 'not_installed'"}},
	{"missing name in a module", "package.inner:absent", 200, long, false,
		loaded{Error: "AttributeError",
			Message: "function reference 'package.inner:absent': module 'package.inner' has no attribute 'absent'"}},
	{"missing attribute", "functions:Calculator.absent", 200, long, false,
		loaded{Error: "AttributeError",
			Message: "function reference 'functions:Calculator.absent': type object 'Calculator' has no attribute " +
				"'absent'"}},
	{"not callable", "functions:NUMBER", 200, long, false,
		loaded{Error: "TypeError",
			Message: "function reference 'functions:NUMBER': expected something callable, found builtins.int"}},
	{"another eval type", "decorated:pandas", 250, long, false,
		loaded{Error: "ValueError",
			Message: "function reference 'decorated:pandas': decorated for eval type 200, but the runner's eval type " +
				"is 250"}},
	{"udf in a pandas runner", "decorated:plain", 200, long, false,
		loaded{Error: "ValueError",
			Message: "function reference 'decorated:plain': decorated for eval type 100, but the runner's eval type " +
				"is 200"}},
	{"bad return type", "functions:increment", 200, `"nonsense"`, false,
		loaded{Error: "PySparkValueError", Message: "[CANNOT_PARSE_DATATYPE] Unable to parse datatype. nonsense."}},
}

func TestReferencesLoadInPySpark(t *testing.T) {
	var requests []request
	for _, r := range references {
		b, err := Reference(r.ref, r.evalType, r.returnType)
		require.NoError(t, err, r.name)
		require.NoError(t, CheckPickle(b), r.name)
		requests = append(requests, request{base64.StdEncoding.EncodeToString(b), r.call})
	}
	for _, minor := range []string{"4.2", "4.3"} {
		t.Run(minor, func(t *testing.T) {
			for i, got := range load(t, minor, requests) {
				assert.Equal(t, references[i].want, got, references[i].name)
			}
		})
	}
}

func TestReferenceRefusesBadText(t *testing.T) {
	for _, tt := range []struct{ ref, why string }{
		{"", "no colon"},
		{"module.function", "no colon"},
		{":f", "the module's name"},
		{"module:", "the qualified name"},
		{"module:a:b", "the qualified name"},
		{".relative:f", "the module's name"},
		{"a..b:f", "the module's name"},
		{"module:f.", "the qualified name"},
		{"1module:f", "the module's name"},
		{"mod-ule:f", "the module's name"},
		{"module:f()", "the qualified name"},
		{" module:f", "the module's name"},
		{"module:f\n", "the qualified name"},
		{"mod\nule:f", "the module's name"},
		{"module:\xff", "the qualified name"},
		{"module:outer.<locals>.inner", "inside a function"},
		{"module:<lambda>", "lambda"},
		{"__main__:f", "another module in the worker"},
	} {
		t.Run(tt.ref, func(t *testing.T) {
			b, err := Reference(tt.ref, 200, long)
			require.Error(t, err)
			assert.Nil(t, b)
			assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
			assert.Contains(t, err.Error(), tt.why)
			assert.Contains(t, err.Error(), "expected module:qualname")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := Reference("module:f", 200, "\"\xff\"")
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
}

func TestCheckPickle(t *testing.T) {
	good := []byte{0x80, 4, 'N', '.'}
	require.NoError(t, CheckPickle(good))
	for _, tt := range []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "(0 bytes): expected the pickle"},
		{"text", []byte("module:f"), "begins with byte 0x80, found 0x6d"},
		{"one byte", []byte{0x80}, "begins with byte 0x80"},
		{"protocol 0", []byte{0x80, 0, '.'}, "protocol 2 to 5, found 0"},
		{"protocol 6", []byte{0x80, 6, '.'}, "protocol 2 to 5, found 6"},
		{"cut", good[:3], "found 0x4e; are the bytes complete?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckPickle(tt.b)
			assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
