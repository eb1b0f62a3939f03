package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/hosttest"
)

// TestMessagesWithoutBodies gives IPC messages whose bodies are of 0 bytes, each in a call of its own and all in one:
// batches of no columns, of void columns and of no rows, between others and last.
func TestMessagesWithoutBodies(t *testing.T) {
	for _, test := range []struct {
		name      string
		evalType  int32
		since     string
		reference string
		returns   string
		arguments []Argument
		keys      int32
		data      []string // the batches; the first has the schema
		want      [][]any
	}{
		{"scalar without arguments", 101, "4.0", "functions:seven", "long", nil, 0,
			[]string{"no columns", "no columns"}, [][]any{{int64(7)}, {int64(7)}, {int64(7)}, {int64(7)}, {int64(7)},
				{int64(7)}}},
		{"scalar of a void column", 101, "", "seen:see_objects", "string", offsets(0), 0, []string{"void"},
			[][]any{{"null"}, {"null"}, {"null"}}},
		// PySpark's ArrowStreamUDFSerializer makes the batch of the struct's children, none of which has a length.
		{"map of no columns", 207, "", "seen:count_batches", "n long", nil, 0, []string{"no columns"},
			[][]any{{int64(0)}}},
		{"map of a void column", 207, "", "seen:count_batches", "n long", nil, 0, []string{"void"},
			[][]any{{int64(3)}}},
		{"map of no rows last", 207, "", "seen:count_batches", "n long", nil, 0, []string{"rows", "no rows"},
			[][]any{{int64(10)}, {int64(0)}}},
		{"groups with no rows between and last", 201, "", "functions:count_rows", "n long", nil, 1,
			[]string{"rows", "no rows", "rows", "no rows"}, [][]any{{int64(20)}}},
		{"no groups", 201, "", "seen:same", "k long, id long", nil, 1, []string{"no rows"}, nil},
	} {
		for _, minor := range supportedMinors {
			if minor < test.since {
				continue
			}
			t.Run(minor+" "+test.name, func(t *testing.T) {
				messages := messagesOf(t, hostData(t, test.data[0]))
				require.Len(t, messages, 2)
				for _, more := range test.data[1:] {
					messages = append(messages, messagesOf(t, hostData(t, more))[1])
				}
				var one []hosttest.Answer
				for _, message := range messages {
					one = append(one, hosttest.OK(message))
				}
				e := newEnv(t, minor)
				r := job(t, e, test.evalType, test.returns, test.arguments, test.reference)
				for name, answers := range map[string][]hosttest.Answer{"a call each": one,
					"one call": {hosttest.OK(messages...)}} {
					input := hosttest.NewRecords(t, answers...).Input()
					input.Keys = test.keys
					_, rows := content(t, r, input)
					assert.Equal(t, test.want, rows, name)
				}
			})
		}
	}
}
