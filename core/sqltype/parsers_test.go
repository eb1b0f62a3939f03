package sqltype

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/testenv"
)

// pythonAnswer is that of testdata/ddl/parse.py.
type pythonAnswer struct {
	Type  json.RawMessage
	Error string
}

// askPython asks the parser of workers, core/daemon/ddl.py, which is this package in Python.
func askPython(t *testing.T, texts []string) []pythonAnswer {
	t.Helper()
	input, err := json.Marshal(texts)
	require.NoError(t, err)
	cmd := testenv.Command(t, "4.2", "-B", filepath.Join("testdata", "ddl", "parse.py"))
	cmd.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var answers []pythonAnswer
	require.NoError(t, json.Unmarshal(output, &answers))
	require.Len(t, answers, len(texts))
	return answers
}

// pieces are what texts are made of at random.
var pieces = strings.Split("int|bigint|string|string collate de|collate|UNICODE_CI|decimal|(|)|5|,|10|2|time|"+
	"timestamp|without time zone|interval|day|to|second|year|month|array<|map<|struct<|<|>|>|>|<>|:|a|b1|1a|_x|é|"+
	"`a b`|``|`|not null|!null|not|null|comment 'x'|comment|'it''s \\u0041'|\"y\"|r'\\n'|'|--| -- c\n|/* c */|/*|*/|"+
	".|-|identifier('a')|char(3)|varchar(2)|geometry(any)|void|double|precision|ınt|\n|"+
	"\t|\u00a0|\x00|;|?|$|\\|ı|x|true", "|")

// ddlText makes DDL of a type at random.
func ddlText(r *rand.Rand, depth int) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	if depth == 0 || r.IntN(3) == 0 {
		return pick("int", "BIGINT", "string", "string collate de_ci", "decimal(5,2)", "dec", "time(9)", "timestamp",
			"char(3)", "timestamp without time zone", "interval", "interval day to second", "geometry(4326)",
			"varchar(9) collate fr", "void")
	}
	switch r.IntN(3) {
	case 0:
		return pick("array<", "ARRAY < ") + ddlText(r, depth-1) + pick(">", " >")
	case 1:
		return "map<" + ddlText(r, depth-1) + "," + ddlText(r, depth-1) + ">"
	}
	return "struct<" + ddlColumns(r, depth-1, " ", ":", " : ") + ">"
}

func ddlColumns(r *rand.Rand, depth int, between ...string) string {
	columns := make([]string, 1+r.IntN(3))
	for i := range columns {
		columns[i] = []string{"a", "int", "`é``x`", "1a", "select"}[r.IntN(5)] + between[r.IntN(len(between))] +
			ddlText(r, depth) + []string{"", "", " NOT NULL", " comment 'it''s \\n'", " !null comment \"x\""}[r.IntN(5)]
	}
	return strings.Join(columns, ", ")
}

// mutants are the table's texts with something changed, texts of pieces, and DDL made at random, as it is and changed.
func mutants(t *testing.T, count int) []string {
	r := rand.New(rand.NewPCG(3, 4))
	cases := ddlCases(t)
	piece := func() string { return pieces[r.IntN(len(pieces))] }
	texts := make([]string, count)
	for i := range texts {
		if i%4 == 0 {
			for range 1 + r.IntN(9) {
				texts[i] += piece() + strings.Repeat(" ", r.IntN(2))
			}
			continue
		}
		text := []rune(cases[r.IntN(len(cases))].Text)
		text = text[:min(len(text), 200)]
		if i%4 > 1 {
			text = []rune(ddlColumns(r, 3, " ", " ", ": "))
		}
		if i%4 == 3 {
			texts[i] = string(text)
			continue
		}
		for range 1 + r.IntN(2) {
			from := r.IntN(len(text) + 1)
			to := min(len(text), from+r.IntN(4))
			text = append(text[:from:from], append([]rune(piece()), text[to:]...)...)
		}
		texts[i] = string(text)
	}
	return texts
}

func TestBothParsersSayTheSame(t *testing.T) {
	var texts []string
	for _, c := range ddlCases(t) {
		texts = append(texts, c.Text)
	}
	for _, deep := range []int{199, 200, 201, 300} {
		texts = append(texts, strings.Repeat("array<", deep)+"int"+strings.Repeat(">", deep))
	}
	texts = append(texts, strings.Repeat("identifier(", 300), strings.Repeat("x", 400)+" int")
	texts = append(texts, mutants(t, 6000)...)
	accepted := 0
	for i, python := range askPython(t, texts) {
		got, err := Parse(texts[i])
		if err != nil {
			refused := assert.NotEmpty(t, python.Error, "%q: %v, Python takes it: %s", texts[i], err, python.Type)
			if refused && plain(texts[i]) {
				want := strings.TrimPrefix(python.Error, "return type '"+texts[i]+"'")
				assert.Equal(t, `type "`+texts[i]+`"`+want, err.Error())
			}
			continue
		}
		accepted++
		if assert.Empty(t, python.Error, "%q is %s", texts[i], got) {
			again, err := Parse(string(python.Type)) // the collations of columns stand elsewhere
			require.NoError(t, err, texts[i])
			assert.Equal(t, got.JSON(), again.JSON(), texts[i])
		}
	}
	assert.Greater(t, accepted, 1000)
}

// plain says whether a text is DDL that Go and Python quote alike.
func plain(text string) bool {
	return strconv.Quote(text) == `"`+text+`"` && len(text) < shown && !strings.ContainsAny(text, `'"{`)
}
