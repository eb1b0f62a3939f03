package worker

// lease is who wants a worker. It is under the factory's lock.
type lease struct {
	use       use
	firstTask bool     // it is in the task that it was made for
	oomBefore oomKills // how many processes the kernel had killed when it was begun
}

// use says who wants a worker.
type use uint8

const (
	inTask use = iota
	inPool
	discarded // nobody does
)
