package worker

import (
	"testing"

	"udfrunner/core/hosttest"
)

func TestFilesUseFilesBelowThem(t *testing.T) {
	hosttest.CheckFileOrder(t, "### Inside `core/worker`")
}
