package protocol

import (
	"strconv"
	"strings"
)

// Before 4.2 entries of the eval conf are fields of their own, behind the runner conf of the eval types that have them.

// conf is an entry's value, "" where there is none; of two the last holds, as in the worker.
func (in *Init) conf(key string) string {
	for i := len(in.EvalConf) - 1; i >= 0; i-- {
		if in.EvalConf[i].Key == key {
			return in.EvalConf[i].Value
		}
	}
	return ""
}

func (in *Init) addConf(key, value string) {
	in.EvalConf = append(in.EvalConf, Entry{Key: key, Value: value})
}

// inline is an entry that is a text.
func inline(key string) field {
	return field{
		append: func(b []byte, in *Init) []byte { return appendUTF(b, in.conf(key)) },
		parse:  func(r *sectionReader, in *Init) { in.addConf(key, r.text()) },
	}
}

// stateServer is a port or, where there may be paths, -1 and one (TransformWithStateInPySparkPythonRunner).
func stateServer(paths bool) field {
	return field{
		append: func(b []byte, in *Init) []byte {
			address := in.conf(EvalConfStateServer)
			port, isPort := portOf(address)
			if paths && !isPort {
				return appendUTF(appendInt(b, noPort), address)
			}
			return appendInt(b, port)
		},
		parse: func(r *sectionReader, in *Init) {
			port := r.int()
			if paths && port == noPort {
				in.addConf(EvalConfStateServer, r.text())
				return
			}
			in.addConf(EvalConfStateServer, strconv.Itoa(int(port)))
		},
	}
}

// portOf says whether a server's address is a port.
func portOf(address string) (int, bool) {
	port, err := strconv.ParseUint(address, 10, 16)
	return int(port), err == nil
}

// tableOffsets are the table arguments of an Arrow UDTF in 4.1 (ArrowPythonUDTFRunner).
var tableOffsets = field{
	append: func(b []byte, in *Init) []byte {
		offsets, _ := offsetsOf(in.conf(EvalConfTableArguments)) // Check has refused others
		return appendInts(b, offsets)
	},
	parse: func(r *sectionReader, in *Init) {
		var text []string
		for _, offset := range r.ints() {
			text = append(text, strconv.Itoa(int(offset)))
		}
		in.addConf(EvalConfTableArguments, strings.Join(text, ","))
	},
}

// offsetsOf reads a list of offsets, "0,2" or "".
func offsetsOf(list string) ([]int32, bool) {
	if list == "" {
		return nil, true
	}
	var offsets []int32
	for text := range strings.SplitSeq(list, ",") {
		offset, err := strconv.ParseInt(text, 10, 32)
		if err != nil || offset < 0 {
			return nil, false
		}
		offsets = append(offsets, int32(offset))
	}
	return offsets, true
}
