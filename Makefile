# GNU make. Everything is built below build/; what a target needs from package registries it
# installs there itself, pinned.

PYTHON ?= python3
PREFIX ?= /usr/local

BUILD   := $(CURDIR)/build
VENV    := $(BUILD)/venv/4.2
VENVS   := $(patsubst .ci/requirements-%.txt,build/venv/%/.installed,$(wildcard .ci/requirements-*.txt))
# The newest symbol version of glibc that the library may need.
GLIBC   ?= 2.34

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Werror
C_FOLDERS := capi capi/tests capi/tests/chaos bindings/c benchmarks bindings/java/src/*/native
C_FILES  := $(wildcard $(addsuffix /*.[ch],$(C_FOLDERS)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1 \2/p' $(MAKEFILE_LIST) | \
		while read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done

# ------------------------------------------------------------------- Library

include capi/library.mk

.PHONY: lib
lib: build/libudfrunner.so ## Build build/libudfrunner.so

build/tests/libudfrunner-panichook.so: FORCE
	$(call go-library,-tags panichook,capi/tests/panichook.map)

.PHONY: install
install: lib ## Install library, header and pkg-config file below PREFIX (and DESTDIR)
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 755 build/libudfrunner.so $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libudfrunner.so
	install -m 644 include/udfrunner.h $(DESTDIR)$(PREFIX)/include/
	install -d $(DESTDIR)$(PREFIX)/share/doc/udfrunner
	install -m 644 LICENSE NOTICE $(DESTDIR)$(PREFIX)/share/doc/udfrunner/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' bindings/c/udfrunner.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/udfrunner.pc

# ---------------------------------------------------------------------- Java

JAVA     := bindings/java
JAVAC    := $(shell command -v javac)
JDK      := $(patsubst %/bin/javac,%,$(realpath $(JAVAC)))
MAVEN    := $(shell command -v mvn)
MVN       = $(MAVEN) -q -B -Dstyle.color=never --no-transfer-progress -f $(JAVA)/pom.xml
JAVA_JAR := build/java/udfrunner-$(VERSION).jar
# By the JVM's names of machines.
JAVA_NATIVE := build/java/native/org/udfrunner/native/linux-$(patsubst x86_64,amd64,$(shell uname -m))
# What benchmarks need of a JVM, where a JDK and Maven are.
JVM_HOST := $(if $(and $(JAVAC),$(MAVEN)),build/bench/jvm/classpath)
JAVA_SOURCES := $(shell find $(JAVA)/src/main/java -name '*.java')
JAVA_LIBRARIES := libudfrunner.so libudfrunner_jni.so
JAVA_RESOURCES := $(shell find $(JAVA)/src/main/resources -type f)
JNI_FLAGS = -std=gnu11 -O2 -g -shared -fPIC -fvisibility=hidden $(WARNINGS) -Wmissing-prototypes -Iinclude \
	-Ibuild/java/include -I$(JDK)/include -I$(JDK)/include/linux

.PHONY: java
java: $(JAVA_JAR) ## Build build/java/udfrunner-VERSION.jar, with the native libraries in it
$(JAVA_JAR): $(JAVA)/pom.xml $(JAVA_SOURCES) $(JAVA_RESOURCES) $(addprefix $(JAVA_NATIVE)/,$(JAVA_LIBRARIES))
	@test "$$(sed -n 's|^  <version>\(.*\)</version>|\1|p' $<)" = $(VERSION) || \
		{ echo "the version in $< is not $(VERSION)"; exit 1; }
	$(MVN) -Dmaven.test.skip=true package

.PHONY: test-java
test-java: ## Run the tests of the Java binding, where a JDK and Maven are
ifeq ($(and $(JAVAC),$(MAVEN)),)
	@echo "skipped: tests of the Java binding need a JDK (Java 17+) and Maven; found javac '$(JAVAC)', mvn '$(MAVEN)'"
else
	@$(MAKE) --no-print-directory test-java-here
endif

# JVM that runs the tests, and the version of Arrow Java that they use.
TEST_JVM   ?= $(JDK)/bin/java
TEST_ARROW ?= 18.1.0
.PHONY: test-java-here
test-java-here: venv java build/java/test-native/libtest_jni.so build/tests/libudfrunner-panichook.so
	@rm -f build/java/vm-output-*.xml build/java/hs_err_*.log
	$(MVN) test -Djvm=$(TEST_JVM) -Darrow.version=$(TEST_ARROW) $(if $(TESTS),-Dtest=$(TESTS))
	$(PYTHON) $(JAVA)/src/test/check_vm_output.py build/java/vm-output-*.xml

SOAK_MINUTES ?= 15
.PHONY: soak-java
soak-java: test-java-classes $(JVM_HOST) ## Run tasks in a JVM for SOAK_MINUTES (15); its counters must stay flat
	$(JDK)/bin/java -Xmx256m -Dslf4j.internal.verbosity=ERROR -Dudfrunner.test.project=$(CURDIR) \
		--add-opens=java.base/java.nio=ALL-UNNAMED \
		-cp build/java/test-classes:$$(cat build/bench/jvm/classpath) org.udfrunner.SoakProgram $(SOAK_MINUTES)

.PHONY: test-java-classes
test-java-classes: build/venv/4.2/.installed java build/java/test-native/libtest_jni.so
	$(MVN) test-compile

# The headers of the natives: the glue does not compile where it differs from them.
build/java/include/org_udfrunner_Native.h: $(JAVA_SOURCES)
	@test -n "$(JAVAC)" || { echo "a JDK of Java 17 or later is needed: no javac found"; exit 1; }
	@mkdir -p build/java/include
	$(JAVAC) --release 17 -d build/java/include/classes -h $(@D) -sourcepath $(JAVA)/src/main/java \
		$(JAVA)/src/main/java/org/udfrunner/Native.java
	@touch $@

# It stays loaded when the class loader goes that loaded it: callbacks and releases point into it.
# Every native is in its table, and has code, or it does not link (defs).
JNI_MAP := $(JAVA)/src/main/native/udfrunner_jni.map
JNI_LINK := -ldl -Wl,--version-script=$(JNI_MAP) -Wl,-z,nodelete,-z,relro,-z,now,-z,defs
$(JAVA_NATIVE)/libudfrunner_jni.so: build/java/include/natives.inc include/udfrunner.h
$(JAVA_NATIVE)/libudfrunner_jni.so: $(wildcard $(JAVA)/src/main/native/*)
	@mkdir -p $(@D)
	$(CC) $(JNI_FLAGS) $(filter %.c,$^) -o $@ $(JNI_LINK)

build/java/include/natives.inc: build/java/include/org_udfrunner_Native.h
	@awk '/^ \* Method:/ { name = $$3 } /^ \* Signature:/ { print "NATIVE(" name ", \"" $$3 "\")" }' $< >$@

TEST_JNI := $(JAVA)/src/test/native/test_jni.c $(JAVA)/src/test/java/org/udfrunner/TestNative.java
build/java/test-native/libtest_jni.so: $(TEST_JNI) include/udfrunner.h
	@mkdir -p $(@D)
	$(JAVAC) --release 17 -d $(@D)/classes -h $(@D) $(filter %.java,$^)
	$(CC) $(JNI_FLAGS) -I$(@D) $(filter %.c,$^) -o $@ -ldl -pthread

$(JAVA_NATIVE)/libudfrunner.so: build/libudfrunner.so
	@mkdir -p $(@D)
	@cmp -s $< $@ || cp $< $@

# --------------------------------------------------------- Python environments

.PHONY: venv
venv: $(VENVS) ## Make build/venv: an environment for each PySpark, that of 4.2 with the tools too
build/venv/%/.installed: .ci/requirements-%.txt bindings/python/pyproject.toml
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $< -e bindings/python
	@touch $@

# --------------------------------------------------------------------- Tests

.PHONY: test
test: test-go test-c test-python test-java test-docs test-wheel test-java-release ## Run all tests

.PHONY: test-go
test-go: venv ## Run the Go tests: with the race detector, and without cgo
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 20m -skip '^TestPython$$' ./core/... # it runs no Go
	@$(MAKE) --no-print-directory cover

# Statements of core that its tests run, of each package that the library is linked with, in percent.
COVER ?= 90
.PHONY: cover
cover: venv ## Run the Go tests without cgo, and fail where they run less than COVER=90 % of a package's statements
	@rm -rf build/cover && mkdir -p build/cover && mkdir -m 1777 build/cover/processes # hosts of other users write too
	UDFRUNNER_TEST_COVERAGE=$(BUILD)/cover/processes CGO_ENABLED=0 $(GO) test -shuffle=on -timeout 20m \
		-coverpkg ./core/... -coverprofile build/cover/tests.out ./core/...
	@$(GO) tool covdata textfmt -i=build/cover/processes -o build/cover/processes.out
	@$(PYTHON) .ci/cover.py $(GO) $(COVER) build/cover/tests.out build/cover/processes.out

FUZZTIME ?= 1m
.PHONY: fuzz
fuzz: venv ## Run each Go fuzz target for FUZZTIME=1m; only those that TARGETS matches
	@.ci/fuzz $(GO) $(FUZZTIME) $(TARGETS)

.PHONY: race
race: venv ## Cancel 10,000 tasks near their end, with the race detector
	UDFRUNNER_RACE_ROUNDS=10000 CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 60m \
		-run TestCancelAgainstCompletion ./core/runner

SANITIZE    := -fsanitize=address,undefined -fno-sanitize-recover=all
TEST_FLAGS  := -std=gnu11 -g -O1 $(WARNINGS) $(SANITIZE) -Iinclude
C_TESTS     := arguments refusals tasks types groups threads stream memory diagnosis bounds
C_PARTS     := $(filter-out %_test.c %header_other.c %/soak.c %/gauges.c,$(wildcard capi/tests/*.c))
C_PROGRAMS  := $(C_TESTS:%=build/tests/%_test) build/tests/panic_test build/tests/frozen_test
# The header of version 1.0, which frozen_test is a host of.
FROZEN      := capi/tests/abi-1.0
EXAMPLES    := build/examples/smallest build/examples/csv_udf

build/tests/frozen_test: TEST_FLAGS := -I$(FROZEN) $(TEST_FLAGS)
build/tests/frozen_test: $(FROZEN)/udfrunner.h
$(C_PROGRAMS): build/tests/%: capi/tests/%.c $(C_PARTS) $(wildcard capi/tests/*.h) include/udfrunner.h
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(filter %.c,$^) -o $@ -ldl -pthread

# Without the sanitizers: its memory is looked at.
build/tests/soak: capi/tests/soak.c capi/tests/gauges.c $(C_PARTS) $(wildcard capi/tests/*.h) include/udfrunner.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 $(WARNINGS) -Iinclude $(filter %.c,$^) -o $@ -ldl -pthread

# $(call c-env,library): what a C test's program finds its worker and its library by.
c-env    = UDFRUNNER_TEST_PYTHON=$(or $(UDFRUNNER_TEST_PYTHON),$(VENV)/bin/python) UDFRUNNER_LIBRARY=$(BUILD)/$(1)
RUN_SOAK = $(call c-env,libudfrunner.so) build/tests/soak

MINUTES ?= 20
.PHONY: soak
soak: venv lib build/tests/soak ## Run tasks for MINUTES=20, some of which fail; the host's resources must stay flat
	$(RUN_SOAK) $$(($(MINUTES) * 60))

# Plain, to look at its memory, and with the sanitizers.
CHAOS_PARTS := $(wildcard capi/tests/chaos/*.c) capi/tests/gauges.c \
	$(filter-out capi/tests/broken.c capi/tests/folder.c,$(C_PARTS))
CHAOS_FLAGS  = -std=gnu11 -g -O1 $(WARNINGS) $(if $(filter %-sanitized,$@),$(SANITIZE)) -Iinclude
build/tests/chaos build/tests/chaos-sanitized: $(CHAOS_PARTS) $(wildcard $(addsuffix /*.h,capi/tests capi/tests/chaos))
build/tests/chaos build/tests/chaos-sanitized: include/udfrunner.h
	@mkdir -p $(@D)
	$(CC) $(CHAOS_FLAGS) $(filter %.c,$^) -o $@ -ldl -pthread

# Each of the two programs has half of the minutes, or of CHAOS_TASKS. CHAOS_SEED and CHAOS_ONLY repeat what went wrong.
CHAOS_MINUTES  ?= $(if $(CHAOS_TASKS),,1)
CHAOS_PROGRAMS ?= chaos-sanitized chaos
CHAOS_SECONDS   = $(if $(CHAOS_MINUTES),$$(($(CHAOS_MINUTES) * 60 / $(words $(CHAOS_PROGRAMS)))))
CHAOS_SHARE     = $(if $(CHAOS_TASKS),$$((($(CHAOS_TASKS) + 1) / $(words $(CHAOS_PROGRAMS)))))
.PHONY: chaos
chaos: ## Run random tasks, hosts, crashes and lies for CHAOS_MINUTES=1, or CHAOS_TASKS
chaos: build/venv/4.2/.installed lib $(CHAOS_PROGRAMS:%=build/tests/%)
	@for program in $(CHAOS_PROGRAMS); do echo "$$program"; \
		$(call c-env,libudfrunner.so) PYTHONDONTWRITEBYTECODE=1 \
		CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_TASKS=$(CHAOS_SHARE) \
		$(foreach name,SEED ONLY THREADS MISCHIEF,CHAOS_$(name)=$(CHAOS_$(name))) \
		build/tests/$$program || exit 1; done

.PHONY: test-c
test-c: test-header test-symbols test-examples ## Run the tests of the C ABI and the C examples
test-c: venv lib build/tests/libudfrunner-panichook.so build/tests/soak $(C_PROGRAMS)
	@for t in $(C_TESTS) frozen; do \
		echo "$$t"; $(call c-env,libudfrunner.so) build/tests/$${t}_test || exit 1; done
	@echo soak; $(RUN_SOAK) 6
	@echo panic; $(call c-env,tests/libudfrunner-panichook.so) build/tests/panic_test

# The header alone, in each language that may include it; its layout; included twice and linked.
.PHONY: test-header
HEADER_TEST := capi/tests/header_test.c capi/tests/header_other.c -o build/tests/header_test && build/tests/header_test
test-header:
	@mkdir -p build/tests
	@for std in c99 c11 c17; do $(CC) -std=$$std $(WARNINGS) -Iinclude $(HEADER_TEST) || exit 1; done
	@$(CXX) -std=c++17 -x c++ $(WARNINGS) -Iinclude $(HEADER_TEST)
	@$(PYTHON) capi/tests/check_frozen.py include/udfrunner.h $(FROZEN)/udfrunner.h

# $(call check-symbols,library,newest glibc allowed): it has the expected symbols, and needs no newer glibc.
define check-symbols
@nm -D --defined-only $(1) | awk '$$2 != "A" { sub(/@.*/, "", $$3); print $$3 }' | LC_ALL=C sort | \
	diff capi/expected_symbols.txt -
@newest=$$(nm -D --undefined-only $(1) | sed -n 's/.*@GLIBC_//p' | sort -V | tail -1); \
	printf '%s\n' "$$newest" $(2) | sort -CV || { echo "$(1) needs glibc $$newest, allowed is $(2)"; exit 1; }
@echo "ok symbols of $(1)"
endef

.PHONY: test-symbols
test-symbols: lib
	$(call check-symbols,build/libudfrunner.so,$(GLIBC))

build/examples/%: bindings/c/%.c bindings/c/columns.c bindings/c/columns.h include/udfrunner.h | lib
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -g $(WARNINGS) -Iinclude $(filter %.c,$^) -o $@ -Lbuild -ludfrunner -pthread -Wl,-rpath,$(BUILD)
build/examples/csv_udf: bindings/c/csv_table.c bindings/c/csv_table.h

.PHONY: test-examples
test-examples: venv lib $(EXAMPLES)
	@PYSPARK_PYTHON=$(VENV)/bin/python sh bindings/c/test_examples.sh build/examples $(VENV)/bin/python

# What Python programs and tests run with; benchmarks read bytecode, as programs do.
RUN_PYTHON := UDFRUNNER_LIBRARY=$(BUILD)/libudfrunner.so PYTHONDONTWRITEBYTECODE=1 $(VENV)/bin/python
BENCH_PYTHON := UDFRUNNER_LIBRARY=$(BUILD)/libudfrunner.so PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python

.PHONY: test-python
test-python: venv lib ## Run the tests of the Python package and of the benchmarks
test-python: build/bench/libchost.so $(JVM_HOST) build/tests/libudfrunner-panichook.so
	cd bindings/python && $(RUN_PYTHON) -m pytest -q -p no:cacheprovider tests
	$(RUN_PYTHON) -m pytest -q -p no:cacheprovider benchmarks/tests

# The daemon module in real Spark. For the oldest and the newest there is no package without Spark,
# so that their environments hold it; the others are installed here, below build/spark.
JVM         := $(or $(wildcard $(JAVA_HOME)/bin/java),$(shell command -v java))
SPARK_ENDS  := build/venv/3.5 build/venv/4.3
SPARK_ALL   := $(SPARK_ENDS) $(patsubst .ci/spark-%.txt,build/spark/%,$(wildcard .ci/spark-*.txt))
build/spark/%/.installed: .ci/spark-%.txt
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-spark test-spark-all
test-spark: $(SPARK_ENDS:%=%/.installed) ## Run the daemon module in Spark 3.5 and 4.3, where Java 17 is
test-spark-all: $(SPARK_ALL:%=%/.installed) ## Run the daemon module in Spark 3.5, 4.0, 4.1, 4.2 and 4.3
test-spark test-spark-all:
ifeq ($(JVM),)
	@echo "skipped: Spark needs Java 17, found no java"
else
	@for environment in $(^:%/.installed=%); do echo "$$environment"; \
		(cd bindings/python && PYTHONPATH=src PYTHONDONTWRITEBYTECODE=1 \
		$(CURDIR)/$$environment/bin/python -m pytest -q -p no:cacheprovider tests_spark) || exit 1; done
endif

# ------------------------------------------------------------- Documentation

DOCS_PYTHON := build/docs/venv/bin/python
DOCS_ENV    := build/docs/venv/.installed
$(DOCS_ENV): .ci/docs.txt .ci/requirements-4.2.txt
	@test -x $(DOCS_PYTHON) || $(PYTHON) -m venv $(@D)
	$(DOCS_PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Of the Java binding, where a JDK and Maven are.
JAVADOC := $(if $(JVM_HOST),build/docs/javadoc/index.html)
build/docs/javadoc/index.html: $(JAVA_SOURCES) $(JVM_HOST)
	@mkdir -p $(@D)
	$(JDK)/bin/javadoc -quiet -Xdoclint:all -Werror --release 17 -notimestamp -windowtitle "udfrunner $(VERSION)" \
		-d $(@D) -sourcepath $(JAVA)/src/main/java -subpackages org.udfrunner -cp $$(cat $(JVM_HOST))

# Sphinx goes by the time of change of pages: those that did not change are not made again.
SPHINX := PYTHONDONTWRITEBYTECODE=1 $(DOCS_PYTHON) -m sphinx -b html -W --keep-going -q -c docs/site
.PHONY: docs
docs: $(DOCS_ENV) $(JAVADOC) ## Build the site into build/docs/site
	PYTHONDONTWRITEBYTECODE=1 $(DOCS_PYTHON) docs/site/stage.py build/docs/pages
	$(SPHINX) -d build/docs/doctrees build/docs/pages build/docs/site
	$(if $(JAVADOC),@rm -rf build/docs/site/api/java && cp -r build/docs/javadoc build/docs/site/api/java)

# The browser that the site is looked at with comes from the distribution; where it is not installed it is unpacked
# below build. Without either that test is skipped.
CHROMIUM := $(if $(shell command -v chromium chromium-browser),,build/tools/chromium/.unpacked)
build/tools/chromium/.unpacked:
	@mkdir -p build/apt/lists/partial build/apt/chromium/archives/partial $(@D)
	@$(APT) update && $(APT) install -y --download-only --no-install-recommends \
		-o Dir::Cache=$(BUILD)/apt/chromium chromium fonts-dejavu-core >/dev/null && \
		for deb in build/apt/chromium/archives/*.deb; do dpkg-deb -x $$deb $(@D) || exit 1; done && touch $@ || \
		echo "no chromium from the distribution: the site is not looked at"

DOCS_PYTEST := -m pytest -q -rs -p no:cacheprovider
.PHONY: test-docs
test-docs: build/venv/4.2/.installed $(wildcard build/venv/4.3/.installed) lib docs $(EXAMPLES) $(CHROMIUM)
test-docs: ## Run what README.md, the pages and the gallery show, and look at the site in a browser
	PYTHONPATH=docs/site $(RUN_PYTHON) $(DOCS_PYTEST) docs/site/test_snippets.py
	PYTHONDONTWRITEBYTECODE=1 $(DOCS_PYTHON) $(DOCS_PYTEST) docs/site/test_site.py docs/site/test_browser.py

# -------------------------------------------------------------- Distribution

DIST        := build/dist
SDIST       := $(DIST)/udfrunner-$(VERSION).tar.gz
DIST_PYTHON := build/packaging/bin/python
DIST_LIBRARIES := build/linux-amd64/libudfrunner.so build/linux-arm64/libudfrunner.so
# Times in archives are the last commit's: the same commit gives the same bytes.
EPOCH        = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),315532800)

build/packaging/.installed: .ci/packaging.txt
	@test -x $(DIST_PYTHON) || $(PYTHON) -m venv $(@D)
	$(DIST_PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	@ln -sf $$(echo $(CURDIR)/$(@D)/lib/python3*/site-packages/ziglang/zig) $(@D)/bin/zig
	@touch $@
$(ZIG): build/packaging/.installed ;

.PHONY: sdist
sdist: build/packaging/.installed ## Build build/dist/*.tar.gz, of which wheels are built where Go and a C compiler are
	@rm -f $(SDIST)
	SOURCE_DATE_EPOCH=$(EPOCH) $(DIST_PYTHON) -m build --sdist --no-isolation --outdir $(DIST) bindings/python \
		>build/sdist.log 2>&1 || { cat build/sdist.log; exit 1; }

# Out of the source distribution, so that nothing else gets in.
.PHONY: wheel
wheel: sdist $(DIST_LIBRARIES) ## Build build/dist/*.whl for x86-64 and aarch64, with the library in them
	@rm -f $(DIST)/*.whl
	@for library in $(DIST_LIBRARIES); do \
		SOURCE_DATE_EPOCH=$(EPOCH) UDFRUNNER_LIBRARY=$(CURDIR)/$$library $(DIST_PYTHON) -m pip wheel --quiet \
			--disable-pip-version-check --no-cache-dir --no-deps --no-build-isolation -w $(DIST) $(SDIST) || exit 1; \
	done
	$(call check-symbols,build/linux-amd64/libudfrunner.so,$(ZIG_GLIBC))
	$(call check-symbols,build/linux-arm64/libudfrunner.so,$(ZIG_GLIBC))
	@ls -l $(DIST)/*.whl

# The library for aarch64 in a task, under qemu where that is: its workers are this machine's.
QEMU         ?= $(firstword $(shell command -v qemu-aarch64 qemu-aarch64-static))
QEMU_SYSROOT ?= /usr/aarch64-linux-gnu
.PHONY: test-aarch64
test-aarch64: build/venv/4.2/.installed build/linux-arm64/libudfrunner.so
ifeq ($(and $(QEMU),$(wildcard $(QEMU_SYSROOT)/lib/libc.so.6)),)
	@echo "skipped: a task of the aarch64 library needs qemu-aarch64 and its C library in $(QEMU_SYSROOT)"
else
	@mkdir -p build/examples && ln -sf libudfrunner.so build/linux-arm64/$(SONAME)
	$(zig-environment) $(call ZIG_CC,arm64) -std=c11 -Iinclude bindings/c/smallest.c bindings/c/columns.c \
		-o build/examples/smallest-arm64 -Lbuild/linux-arm64 -ludfrunner -pthread -Wl,-rpath,$(BUILD)/linux-arm64
	PYSPARK_PYTHON=$(VENV)/bin/python $(QEMU) -L $(QEMU_SYSROOT) build/examples/smallest-arm64 >build/examples/roots
	@printf '%s\n' 1 2 3 4 5 | diff - build/examples/roots
	@echo "ok a task of the aarch64 library"
endif

# As a user has it: the wheel, installed with Spark into an empty environment.
.PHONY: test-wheel
test-wheel: venv wheel test-aarch64 ## Check wheels and source distribution, install one, run a job where Java 17 is
	SOURCE_DATE_EPOCH=$(EPOCH) $(RUN_PYTHON) bindings/python/tests_wheel/run.py $(DIST) build/wheel build/venv/4.3

# What a Maven repository takes: jar with the libraries for both architectures, sources, documentation, POM with
# checksums, signed where SIGN is set. They lie as in a repository, which the folder is.
JAVA_RELEASE := build/java-release
RELEASE_NATIVE := $(JAVA_RELEASE)/native/org/udfrunner/native
RELEASE_JNI  := $(RELEASE_NATIVE)/linux-amd64/libudfrunner_jni.so $(RELEASE_NATIVE)/linux-aarch64/libudfrunner_jni.so
RELEASE_MVN   = $(MVN) -Dudfrunner.build=$(CURDIR)/$(JAVA_RELEASE) -Dproject.build.outputTimestamp=$(EPOCH)

$(RELEASE_JNI): $(wildcard $(JAVA)/src/main/native/*) build/java/include/natives.inc include/udfrunner.h | $(ZIG)
	@mkdir -p $(@D)
	$(zig-environment) $(CC) $(JNI_FLAGS) -g0 $(filter %.c,$^) -o $@ $(JNI_LINK)
$(filter %amd64/libudfrunner_jni.so,$(RELEASE_JNI)): CC = $(call ZIG_CC,amd64)
$(filter %aarch64/libudfrunner_jni.so,$(RELEASE_JNI)): CC = $(call ZIG_CC,arm64)

.PHONY: java-release
java-release: $(RELEASE_JNI) $(DIST_LIBRARIES) ## Build build/java-release/repository, what Maven takes; SIGN=1 signs
	@cp build/linux-amd64/libudfrunner.so $(RELEASE_NATIVE)/linux-amd64/
	@cp build/linux-arm64/libudfrunner.so $(RELEASE_NATIVE)/linux-aarch64/
	@rm -rf $(JAVA_RELEASE)/repository
	$(RELEASE_MVN) -Prelease$(if $(SIGN),$(comma)sign) -Dmaven.test.skip=true \
		-DaltDeploymentRepository=bundle::file://$(CURDIR)/$(JAVA_RELEASE)/repository deploy
	@rm -f $(JAVA_RELEASE)/repository/org/udfrunner/udfrunner/maven-metadata.xml*

.PHONY: test-java-release
test-java-release: build/venv/4.2/.installed ## Resolve from java-release's folder, run a task
ifeq ($(and $(JAVAC),$(MAVEN)),)
	@echo "skipped: the release of the Java binding needs a JDK of Java 17 or later and Maven"
else
	@$(MAKE) --no-print-directory java-release
	$(VENV)/bin/python $(JAVA)/src/test/check_release.py $(JAVA_RELEASE) $(VERSION) $(VENV)/bin/python
endif

comma := ,

# ------------------------------------------------------------- Spark example

SPARK        := $(BUILD)/jni-example
SPARK_PYTHON := $(SPARK)/venv/bin/python
SPARK_MVN     = $(MAVEN) -q -B --no-transfer-progress -f jni-example/pom.xml
SPARK_RUN     = PYTHONDONTWRITEBYTECODE=1 PYSPARK_PYTHON=$(SPARK_PYTHON) SPARK_LOCAL_IP=127.0.0.1 $(SPARK_PYTHON)
SPARK_FILES   = $(SPARK)/target/udfrunner-spark-example.jar $(JAVA_JAR) $(SPARK)/data
SPARK_SOURCES := $(shell find jni-example/src -type f)

# The whole of Spark with its PySpark, for its driver, its cluster and their Python workers.
$(SPARK)/venv/.installed: jni-example/requirements.txt
	@test -x $(SPARK_PYTHON) || $(PYTHON) -m venv $(@D)
	$(SPARK_PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(SPARK)/data/answers.json: $(addprefix jni-example/python/,prepare.py flight_functions.py) $(SPARK)/venv/.installed
	$(SPARK_RUN) jni-example/python/prepare.py $(@D)

# Its tests run tasks of a Spark inside of their JVM.
$(SPARK)/target/udfrunner-spark-example.jar: jni-example/pom.xml $(SPARK_SOURCES) $(JAVA_JAR) $(SPARK)/venv/.installed
	$(SPARK_MVN) org.apache.maven.plugins:maven-install-plugin:3.1.3:install-file -Dfile=$(CURDIR)/$(JAVA_JAR) \
		-DpomFile=$(CURDIR)/$(JAVA)/pom.xml
	$(SPARK_MVN) package -Dudfrunner.test.python=$(SPARK_PYTHON)
	@touch $@

# ----------------------------------------------------------------- Spark SQL

SQL          := bindings/spark
SQL_JAR      := build/spark-sql/target/udfrunner-spark_2.13.jar
SQL_SOURCES  := $(shell find $(SQL)/src/main -type f)
SQL_MVN       = $(MAVEN) -q -B -Dstyle.color=never --no-transfer-progress -f $(SQL)/pom.xml
# The oldest Spark that it runs on, and the newest.
SQL_ENDS     := build/spark/4.0 build/venv/4.3
# All between that are here: their jars are looked at.
SQL_SPARKS   := $(SQL_ENDS) build/spark/4.1 build/spark/4.2

.PHONY: spark-sql
spark-sql: $(SQL_JAR) ## Build build/spark-sql/target/udfrunner-spark_2.13.jar, what spark.sql.extensions names
$(SQL_JAR): $(SQL)/pom.xml $(SQL_SOURCES) $(JAVA_JAR)
	$(SQL_MVN) org.apache.maven.plugins:maven-install-plugin:3.1.3:install-file -Dfile=$(CURDIR)/$(JAVA_JAR) \
		-DpomFile=$(CURDIR)/$(JAVA)/pom.xml
	@rm -rf $(@D) # with what is known of earlier compilations: no class of a changed source stays in the jar
	$(SQL_MVN) package
	@touch $@

# $(call sql-python,environment): a Python of a Spark that has both jars.
sql-python = UDFRUNNER_SPARK_JARS=$(CURDIR)/$(SQL_JAR):$(CURDIR)/$(JAVA_JAR) PYTHONDONTWRITEBYTECODE=1 \
	SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$(CURDIR)/$(1)/bin/python $(CURDIR)/$(1)/bin/python

.PHONY: test-sql
test-sql: ## Run Python functions of Spark SQL with and without the extension in Spark 4.0 and 4.3; TESTS is pytest's -k
ifeq ($(and $(JAVAC),$(MAVEN)),)
	@echo "skipped: tests of the Spark SQL extension need a JDK of Java 17 or later and Maven"
else
	@$(MAKE) --no-print-directory test-sql-here
endif

.PHONY: test-sql-here
test-sql-here: $(SQL_JAR) $(SQL_ENDS:%=%/.installed)
	$(PYTHON) $(SQL)/src/test/link_check.py $(SQL_JAR) \
		$(wildcard $(SQL_SPARKS:%=%/lib/python3.*/site-packages/pyspark/jars))
	$(foreach end,$(SQL_ENDS),cd $(SQL) && $(call sql-python,$(end)) -m pytest -q -p no:cacheprovider tests \
		$(if $(TESTS),-k '$(TESTS)') && cd $(CURDIR) &&) true

.PHONY: bench-spark
bench-spark: $(SQL_JAR) build/venv/4.3/.installed ## Measure Python functions in Spark SQL: none, stock, extension
	$(call sql-python,build/venv/4.3) $(SQL)/benchmark.py

# ------------------------------------------------------------ Demo, benchmarks

# The JVM takes part where there is a JDK with Maven.
DEMO_JAR := $(if $(and $(JAVAC),$(MAVEN)),$(JAVA_JAR))

# Only what the demo needs: a fresh machine gets no Spark for it.
.PHONY: demo
demo: build/venv/4.2/.installed lib ## Run functions over 336,776 flights, from C, the JVM and the command line
demo: build/examples/csv_udf $(DEMO_JAR)
	@rm -rf build/demo
	$(RUN_PYTHON) bindings/demo/run.py build/demo build/examples/csv_udf $(DEMO_JAR)
	$(if $(DEMO_JAR),,@echo "no JDK of Java 17 or later with Maven here: the demo's JVM part was left out")

.PHONY: demo-spark
SPARK_MADE := $(SPARK)/target/udfrunner-spark-example.jar $(SPARK)/data/answers.json
demo-spark: $(SPARK_MADE) ## Run the Spark example on local[2], compared with Spark's own Python runner
	$(SPARK_RUN) jni-example/demo/local.py $(SPARK_FILES) $(SPARK)/local

.PHONY: demo-cluster
demo-cluster: $(SPARK_MADE) ## Run the Spark example on a standalone cluster that loses an executor
	$(SPARK_RUN) jni-example/demo/cluster.py $(SPARK_FILES) $(SPARK)/cluster

build/bench/jvm/classpath: benchmarks/JvmHost.java $(JAVA_JAR)
	@mkdir -p $(@D)/classes
	$(MVN) dependency:build-classpath -Dmdep.outputFile=$(CURDIR)/$(@D)/arrow
	$(JAVAC) --release 17 -Xlint:all,-classfile,-processing -Werror -d $(@D)/classes \
		-cp $(CURDIR)/$(JAVA_JAR):$$(cat $(@D)/arrow) $<
	@printf '%s:%s:%s\n' $(CURDIR)/$(@D)/classes $(CURDIR)/$(JAVA_JAR) "$$(cat $(@D)/arrow)" >$@

.PHONY: bench
bench: build/venv/4.2/.installed ## Measure against the stock worker, to build/bench; BENCH=--quick: in short
bench: build/bench/libchost.so $(JVM_HOST)
	$(BENCH_PYTHON) -m benchmarks $(BENCH)

.PHONY: bench-peers
bench-peers: build/venv/4.2/.installed ## Measure the daemon module in real Spark against stock (minutes; Java 17)
bench-peers: build/venv/4.3/.installed
	$(BENCH_PYTHON) -m benchmarks --peers

build/bench/libchost.so: benchmarks/c_host.c include/udfrunner.h | lib
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -g -shared -fPIC $(WARNINGS) -Iinclude $< -o $@ -Lbuild -ludfrunner -pthread -Wl,-rpath,$(BUILD)

.PHONY: conformance
conformance: venv ## Replay what Spark said to its workers on all versions and kinds of them: docs/conformance.md
	$(GO) test -count=1 -timeout 30m ./core/conformance -run TestReplay -args -all -update

.PHONY: record
record: ## Record again what real Spark says to its workers: needs Java 17 and Python 3.11, minutes per version
	$(PYTHON) core/protocol/recording/record.py

.PHONY: test-values
test-values: venv lib ## Hold every recorded value against the library; `make test-python` asks for some: half an hour
	cd bindings/python && UDFRUNNER_TEST_VALUES=all $(RUN_PYTHON) -m pytest -q -p no:cacheprovider \
		tests/test_types_seen.py tests/test_types_returned.py

.PHONY: record-values
record-values: ## Record again what real Spark makes of values: needs a JDK 17 and Python 3.11, minutes per version
	$(PYTHON) core/conformance/values/record.py

# -------------------------------------------------------------------- Checks

.PHONY: check
check: ## Format, lint, generated files, links, gates of header and symbols, clean tree
check: check-go check-generated check-c check-python check-java check-docs test-header test-symbols check-tree

# Built here once for a version: it takes minutes.
GOLANGCI_VERSION := v2.15.0
GOLANGCI := build/tools/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
$(GOLANGCI):
	GOBIN=$(CURDIR)/$(@D) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

.PHONY: check-go
check-go: $(GOLANGCI)
	@test -z "$$(gofmt -l capi core)" || { gofmt -d capi core; exit 1; }
	$(GOLANGCI) run ./...
	CGO_ENABLED=0 $(GO) build ./core/...
	$(GO) mod tidy -diff
	$(GO) test -count=1 -run TestDocument ./core/conformance ./core/crashes
	@! grep -nE $(FORBIDDEN) $(filter-out %_test.go core/safego/safego.go core/protocol/recording/%,$(GO_FILES)) || \
		{ echo "goroutines start through core/safego"; exit 1; }

# Goroutines that nobody recovers; the other rules are in .golangci.yml.
FORBIDDEN := '^[[:space:]]*go (func|[a-zA-Z.]+)\('
GO_FILES   = $(shell find capi core -name '*.go')

# flatc comes from the distribution; where it is not installed it is unpacked below build.
FLATC = $(or $(shell command -v flatc),$(BUILD)/tools/usr/bin/flatc)
.PHONY: check-generated
check-generated: $(FLATC)
	@mkdir -p build/generated && cp core/arrowio/flatbuf/arrow.fbs build/generated/
	@cd build/generated && library=$$(find $(BUILD)/tools -name 'libflatbuffers.so.2' 2>/dev/null | head -1) && \
		LD_LIBRARY_PATH=$${library%/*} $(FLATC) --go --gen-onefile --go-namespace flatbuf arrow.fbs && \
		gofmt -w arrow_generated.go
	@$(GO) test -count=1 ./core/constants
	@diff build/generated/arrow_generated.go core/arrowio/flatbuf/arrow_generated.go || \
		{ echo "run go generate ./core/arrowio/flatbuf"; exit 1; }

APT := apt-get -qq -o Dir::State::Lists=$(BUILD)/apt/lists -o Dir::Cache=$(BUILD)/apt/cache
$(BUILD)/tools/usr/bin/flatc:
	@mkdir -p build/apt/lists/partial build/apt/cache/archives/partial build/tools
	@$(APT) update && cd build/apt && $(APT) download flatbuffers-compiler libflatbuffers2
	@for deb in build/apt/*.deb; do dpkg-deb -x $$deb build/tools; done

# cgo's own C does not pass all warnings, capi's does.
.PHONY: check-c
check-c: venv
	@for f in $(wildcard capi/*.c); do $(CC) -std=gnu11 $(WARNINGS) -Iinclude -fsyntax-only $$f || exit 1; done
	@$(VENV)/bin/clang-format --dry-run -Werror $(C_FILES) include/udfrunner.h

MYPY := $(VENV)/bin/mypy --strict --disable-error-code=import-untyped
.PHONY: check-python
check-python: venv
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	MYPYPATH=bindings/python/src $(MYPY) .ci benchmarks bindings/c bindings/demo \
		bindings/java/src/test/check_vm_output.py $(addprefix capi/tests/,python chaos/python check_frozen.py)
	MYPYPATH=docs/site $(MYPY) --disable-error-code=import-not-found docs/site/*.py
	MYPYPATH=jni-example/python:jni-example/demo:jni-example/src/test/python $(MYPY) jni-example
	$(MYPY) --exclude tests core/daemon
	MYPYPATH=bindings/python/src $(MYPY) bindings/python/tests_wheel
	cd bindings/python && $(VENV)/bin/mypy

# Warnings of javac and of doclint are errors of the build.
.PHONY: check-java
check-java:
ifeq ($(and $(JAVAC),$(MAVEN)),)
	@echo "skipped: the checks of the Java binding need a JDK of Java 17 or later and Maven"
else
	$(MVN) fmt:check
	$(MAKE) --no-print-directory test-java-classes
endif

# Links of the pages, rooms in the picture, notices of what is linked, one version, lines.
.PHONY: check-docs
check-docs:
	@$(PYTHON) docs/site/check_pages.py
	@$(PYTHON) docs/site/plots.py --check
	@$(PYTHON) .ci/notices.py $(GO)
	@$(PYTHON) .ci/version.py check
	@$(PYTHON) .ci/lines.py

.PHONY: check-tree
check-tree: ## Fail if git sees changes: what CI runs last
	@test -z "$$(git status --porcelain)" || { git status --short; exit 1; }

.PHONY: release
release: venv ## Build a release of the version in capi/version.h into build/release, and check it
	.ci/release $(VERSION)

.PHONY: format
format: venv ## Format Go, C, Python and Java
	gofmt -w capi core
	$(VENV)/bin/clang-format -i $(C_FILES) include/udfrunner.h
	$(VENV)/bin/ruff format .
	$(if $(and $(JAVAC),$(MAVEN)),$(MVN) fmt:format)

.PHONY: clean
clean: ## Remove what was built, not the Python environments
	rm -rf $(addprefix build/,linux-* dist wheel java-release libudfrunner.so $(SONAME) cover release) \
		$(addprefix build/,tests examples demo bench generated java) \
		$(addprefix build/jni-example/,target data local cluster)
