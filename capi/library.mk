# Builds the library with Go and a C compiler: included by the Makefile, and all that a source
# distribution of the Python package has (make -f capi/library.mk build/libudfrunner.so).

GO ?= go
CC ?= cc

# The library's version is the header's of capi, its ABI major version is in its SONAME.
VERSION := $(shell sed -n 's/^.define UDFRUNNER_VERSION "\(.*\)"/\1/p' capi/version.h)
SONAME  := libudfrunner.so.1

# $(call link,version script): flags of a shared library with that script's symbols only.
link = -w -extldflags '-Wl,--version-script=$(CURDIR)/$(1) -Wl,-soname,$(SONAME) -Wl,-z,nodelete,-z,relro,-z,now'
# $(call go-library,flags,version script,flags of the linker). The header that cgo writes beside a
# c-shared library is not the library's.
go-library = mkdir -p $(dir $@) && CGO_ENABLED=1 CC="$(CC)" $(GO) build -buildmode=c-shared -trimpath \
	$(1) -ldflags "$(3) $(call link,$(2))" -o $@ ./capi && rm -f $(@:.so=.h)

# Go knows what changed: its build is run every time.
build/libudfrunner.so: FORCE
	$(call go-library,,capi/udfrunner.map)
	@ln -sf $(notdir $@) build/$(SONAME)

.PHONY: FORCE
FORCE:

# For an old glibc and either architecture, of the same bytes wherever it is built: zig is the C
# compiler. Its cache lies beside it.
ZIG         ?= $(CURDIR)/build/packaging/bin/zig
ZIG_CACHE    = $(dir $(ZIG))../cache
ZIG_GLIBC   := 2.28
ZIG_amd64   := x86_64
ZIG_arm64   := aarch64
ZIG_CC       = $(ZIG) cc -target $(ZIG_$(1))-linux-gnu.$(ZIG_GLIBC)
zig-environment = ZIG_GLOBAL_CACHE_DIR=$(ZIG_CACHE) ZIG_LOCAL_CACHE_DIR=$(ZIG_CACHE)

build/linux-amd64/libudfrunner.so build/linux-arm64/libudfrunner.so: build/linux-%/libudfrunner.so: FORCE | $(ZIG)
	@export GOARCH=$* $(zig-environment); $(call go-library,-buildvcs=false,capi/udfrunner.map,-buildid=)
build/linux-amd64/libudfrunner.so: CC = $(call ZIG_CC,amd64)
build/linux-arm64/libudfrunner.so: CC = $(call ZIG_CC,arm64)
