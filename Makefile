# Thin front for meson: `make` builds, `make check` and `make demo` set up everything they need first.
PREFIX ?= /usr/local
BUILD ?= build
.PHONY: all check demo bench install clean

all:
	scripts/setup build
	scripts/check-includes
	[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD)
	ninja -C $(BUILD)

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
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

clean:
	rm -rf build build-asan build-fuzz
