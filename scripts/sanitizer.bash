# SPDX-License-Identifier: MIT
# What check-asan, check-tsan and check-ubsan share. Each sets these, and then calls check_compilers:
#   usage      its help
#   tool       the sanitizer's short name, for folders
#   flags      what makes the compiler put it into a program
#   teeth      program:defect:report, the planted defects and a pattern of what must be said of each
#   quick      a regular expression of the tests that --quick runs
#   targets    what has to be built for these
#   under      a command that programs must run under, or nothing
#   unfit_clang  a part of a regular expression, as in `never`: tests that are not for clang's; may be unset
# A function run_more NAME FOLDER runs what is particular to the tool.

export COPAS_TEST_SCALE=small

# All that the whole run takes: the C and C++ tests, the examples with real clients, TLS with real peers.
all_tests='_shared$|^test_cpp_|^example_|^tls_'
# Linked with what a sanitizer replaces, a compilation that knows of no flags, a debugger.
never='static_runtime|example_readme|example_gdb'

read_arguments() {
  build=build is_quick=0
  local argument
  for argument in "$@"; do
    case $argument in
      --help) echo "$usage"; exit 0 ;;
      --quick) is_quick=1 ;;
      -*) echo "$usage" >&2; exit 2 ;;
      *) build=$argument ;;
    esac
  done
  library=$(realpath -m "$build/lib")
  if [ ! -e "$library/libcopas.so" ]; then
    echo "no library in $library: build it first (scripts/test does)" >&2
    exit 1
  fi
}

# can_sanitize COMPILER: it makes programs with the sanitizer, which run here.
can_sanitize() {
  local folder status=0
  folder=$(mktemp -d)
  echo 'int main(void) { return 0; }' >"$folder/trivial.c"
  # shellcheck disable=SC2086 # words are wanted
  { "$1" $flags "$folder/trivial.c" -o "$folder/trivial" && $under "$folder/trivial"; } \
    >/dev/null 2>&1 || status=1
  rm -rf "$folder"
  return "$status"
}

# build_programs COMPILER FOLDER: the tests and examples with the sanitizer, the library as it is.
build_programs() {
  local wanted=("${targets[@]}") options="-w -g -O1 -fno-omit-frame-pointer $flags"
  if [ "$is_quick" = 0 ]; then
    mapfile -t wanted < <(basename -s .c tests/c/test_*.c tests/regressions/test_*.c |
      sed 's/$/_shared/')
    wanted+=(test_exceptions_shared c_examples/all load_client tls_peer)
    mapfile -t -O "${#wanted[@]}" wanted < <(basename -s .cpp tests/cpp/test_*.cpp)
  fi
  cmake -G Ninja -B "$2" -DCMAKE_BUILD_TYPE=None -DCOPAS_LIBRARY_DIR="$library" -DCMAKE_C_COMPILER="$1" \
    -DCMAKE_CXX_COMPILER="${1/%gcc/g}++" -DCMAKE_C_FLAGS="$options" -DCMAKE_CXX_FLAGS="$options" &&
    cmake --build "$2" -j "$(nproc)" --target "${wanted[@]}" planted_defects cpp_planted_defects planted_races
}

# prove_teeth NAME FOLDER: each planted defect is reported, and nothing without one.
prove_teeth() {
  local entry program defect wanted report
  for entry in "${teeth[@]}"; do
    IFS=: read -r program defect wanted <<<"$entry"
    report=$($under "$2/tests/$program" "$defect" 2>&1) && report=
    # shellcheck disable=SC2053 # a pattern is wanted
    if [[ $report != $wanted ]]; then
      echo "$1: the planted defect $defect of $program was not reported" >&2
      return 1
    fi
    if ! report=$($under "$2/tests/$program" none 2>&1); then
      echo "$report"
      echo "$1: something is reported of $program, where no defect is" >&2
      return 1
    fi
  done
  echo "ok   $1: each planted defect is reported, and nothing without one"
}

# run_tests NAME FOLDER
run_tests() {
  local tests=$all_tests log=$2/tests.log unfit=unfit_$1
  [ "$is_quick" = 0 ] || tests=$quick
  if ! $under ctest --test-dir "$2" -R "$tests" -E "$never${!unfit:-}" -j "$(nproc)" --output-on-failure \
    --no-tests=error >"$log" 2>&1; then
    cat "$log"
    echo "FAIL $1"
    return 1
  fi
  echo "ok   $1: $(grep -oE '[0-9]+% tests passed.*' "$log")"
  grep -h '(skipped: ' "$2/Testing/Temporary/LastTest.log" | grep -o '(skipped: [^)]*)' | sort -u |
    sed 's/^/     /' || true
}

run_more() {
  :
}

# check COMPILER FOLDER
check() {
  mkdir -p "$2"
  if ! build_programs "$@" >"$2/build.log" 2>&1; then
    tail -n 30 "$2/build.log"
    echo "FAIL $1: it cannot be built"
    return 1
  fi
  prove_teeth "$@" && run_tests "$@" && run_more "$@"
}

check_compilers() {
  local compiler checked=0 failed=0
  for compiler in gcc clang; do
    if ! command -v "$compiler" >/dev/null; then
      echo "(skipped: $compiler is not installed)"
    elif ! can_sanitize "$compiler"; then
      echo "(skipped: $compiler makes no programs with $flags here; Debian has clang's part in libclang-rt-dev)"
    else
      checked=1
      check "$compiler" "$build/check/$tool-$compiler" || failed=1
    fi
  done
  if [ "$checked" = 0 ]; then
    echo "no compiler with $flags is here" >&2
    return 1
  fi
  return "$failed"
}
