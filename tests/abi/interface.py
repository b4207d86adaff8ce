# SPDX-License-Identifier: MIT
"""The C interface of copas.h as text, and as a library of empty functions for tools that compare.

    interface.py text HEADER    prints constants, structs with their layout, types and functions, one a line
    interface.py functions HEADER     prints the names of the functions, one a line
    interface.py library HEADER OUT.so
"""

import re
import subprocess
import sys
import tempfile

CC = ["cc", "-std=gnu11", "-g", "-Wno-unused"]
# These tell of the header itself, not of the interface.
NOT_CONSTANTS = re.compile(r"COPAS_(H|MUST_USE|VERSION.*)$")


def run(command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def statements(header):
    """What the preprocessor leaves of the header that names something of ours, a statement each."""
    text = run([*CC, "-E", "-P", "-DCOPAS_MUST_USE=", header])
    text = re.sub(r"__attribute__ *\(\(.*?\)\)", "", text)
    found, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == ";" and depth == 0:
            found.append(" ".join(text[begin:at].split()))
            begin = at + 1
    return [statement for statement in found if "copas" in statement]


def constants(header):
    names = re.findall(r"^#define (COPAS_\w+) \S", run([*CC, "-E", "-dM", header]), re.MULTILINE)
    return sorted(name for name in names if not NOT_CONSTANTS.match(name))


def split_body(statement):
    return [part.strip() for part in re.search(r"{(.*)}", statement)[1].split(";") if part.strip()]


def field_name(field):
    return re.search(r"(\w+)(\[[^]]*\])?$", field)[1]


def function_name(function):
    return re.search(r"(\w+)\(", function)[1]


class Interface:
    def __init__(self, header):
        self.header = header
        self.constants = constants(header)
        self.enumerators, self.structs, self.types, self.functions = [], {}, [], []
        for statement in statements(header):
            if enum := re.search(r"enum (\w+) {(.*?)}", statement):
                self.enumerators += [one.split("=")[0].strip() for one in enum[2].split(",")]
            elif struct := re.match(r"typedef struct (\w+) {", statement):
                self.structs[struct[1]] = split_body(statement)
            elif statement.startswith("typedef"):
                self.types.append(statement)
            else:
                self.functions.append(statement)
        self.functions.sort(key=function_name)

    def program(self):
        """A C program that prints what only a compiler knows."""
        lines = [f'#include "{self.header}"', "#include <stdio.h>", "#include <stddef.h>",
                 "static void number(const char *n, double v) { printf(\"%s = %.17g\\n\", n, v); }",
                 "int main(void) {"]
        lines += [f'number("{name}", (double)({name}));' for name in self.constants + self.enumerators]
        for struct, fields in self.structs.items():
            lines.append(f'printf("struct {struct}: %zu bytes\\n", sizeof(struct {struct}));')
            for field in fields:
                place = f"offsetof(struct {struct}, {field_name(field)})"
                size = f"sizeof(((struct {struct} *)0)->{field_name(field)})"
                lines.append(f'printf("struct {struct}: %zu %zu %s\\n", {place}, {size}, "{field}");')
        return "\n".join([*lines, "return 0; }", ""])

    def text(self):
        with tempfile.TemporaryDirectory() as folder:
            program = f"{folder}/program"
            run([*CC, "-x", "c", "-", "-o", program], input=self.program())
            return run([program]) + "\n".join([*self.types, *self.functions, ""])

    def library(self, out):
        functions = [f"{function} {{ __builtin_trap(); }}" for function in self.functions]
        source = "\n".join([f'#include "{self.header}"', *functions, ""])
        run([*CC, "-w", "-shared", "-fPIC", "-Wl,-soname,libcopas.so", "-x", "c", "-", "-o", out], input=source)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "text":
        sys.stdout.write(Interface(sys.argv[2]).text())
    elif len(sys.argv) == 3 and sys.argv[1] == "functions":
        print("\n".join(map(function_name, Interface(sys.argv[2]).functions)))
    elif len(sys.argv) == 4 and sys.argv[1] == "library":
        Interface(sys.argv[2]).library(sys.argv[3])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
