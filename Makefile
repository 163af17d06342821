# Thin front for meson: `make` builds, `make check` and `make demo` set up everything they need first.
PREFIX ?= /usr/local
.PHONY: all check demo bench install clean

all:
	scripts/setup build
	scripts/check-includes
	[ -f build/build.ninja ] || meson setup build
	ninja -C build

check:
	@scripts/check

demo:
	@scripts/demo

# Options for it: make bench BENCH='--quick --hosts 10'
bench:
	@scripts/setup bench
	@$(MAKE) --no-print-directory all
	@bench/run $(BENCH)

install: all
	meson configure build -Dprefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C build

clean:
	rm -rf build build-asan build-fuzz
