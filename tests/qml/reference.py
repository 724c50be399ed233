# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""reference.py QMLTYPES README FOLDER: compares the module's reference with the types that were
built. Writes a QML test of the defaults that it tells, tst_defaults.qml, and its examples, Example1.qml
and so on.

Every property, method and signal has to stand in the section of its type, with its type, whether it
can be written, and its arguments; and the reference must not have others.
"""

import re
import sys

types_file, readme_file, folder = sys.argv[1:4]

# The headings whose sections are about a type.
SECTIONS = {"WebSocket": "WebSocket", "WebSocketServer": "WebSocketServer", "ssl": "TlsSettings",
            "reconnect": "Reconnect", "UpgradeRequest": "UpgradeRequest", "clients": "ClientList"}
TYPES = {"QUrl": "url", "QString": "string", "QStringList": "list of strings", "QVariantMap": "object",
         "bool": "bool", "int": "int", "double": "real", "TlsSettings": "group", "Reconnect": "group",
         "ClientList": "model", "Status": "enumeration", "SlowReaderPolicy": "enumeration"}


def built():
    """{type: (properties {name: (type, writable)}, functions {name: longest list of arguments})}"""
    types = {}
    bases = {}
    current = None
    member = None
    for line in open(types_file):
        indent = len(line) - len(line.lstrip())
        start = re.match(r"(Component|Property|Signal|Method|Enum) \{", line.strip())
        if start and start[1] == "Component":
            current, member = None, None
        elif start and indent == 8:
            member = {"kind": start[1], "arguments": [], "writable": "isReadonly: true" not in line}
        name = re.search(r'\bname: "(\w+)"', line)
        if indent == 8 and name and not start:
            current = types.setdefault(name[1], ({}, {}))
            owner = name[1]
        base = re.search(r'\bprototype: "(\w+)"', line)
        if base:
            bases[owner] = base[1]
        if member is None or current is None:
            continue
        if "Parameter {" in line:
            if name:
                member["arguments"].append(name[1])
        elif name and "name" not in member and indent >= 8:
            member["name"] = name[1]
        kind = re.search(r'\btype: "([\w:]+)"', line)
        if kind and member["kind"] == "Property" and "Parameter" not in line:
            member["type"] = kind[1]
        if "isReadonly: true" in line:
            member["writable"] = False
        if line.rstrip().endswith("}") and indent == 8:
            if member["kind"] == "Property":
                current[0][member["name"]] = (TYPES[member["type"]], member["writable"])
            elif member["kind"] in ("Signal", "Method"):
                arguments = current[1].get(member["name"], [])
                current[1][member["name"]] = max(arguments, member["arguments"], key=len)
            member = None
    for name, base in bases.items():
        for inherited, own in zip(types.get(base, ({}, {})), types[name]):
            own.update({key: value for key, value in inherited.items() if key not in own})
    return types


def documented():
    """The same, and {type: {name: default}}."""
    types = {name: ({}, {}, {}) for name in SECTIONS.values()}
    current = None
    for line in open(readme_file):
        heading = re.match(r"(#+) (.*)", line)
        if heading and (heading[2] in SECTIONS or len(heading[1]) == 2):
            current = SECTIONS.get(heading[2])
        row = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if current is None or not line.startswith("| `"):
            continue
        name = row[0].strip("`").replace("reconnect.", "").replace("ssl.", "")
        properties, functions, defaults = types[current]
        call = re.fullmatch(r"(\w+)\((.*)\)", name)
        if call:
            functions[call[1]] = [word.strip() for word in call[2].split(",") if word]
        else:
            writable = row[2] != "*read-only*"
            properties[name] = (row[1], writable)
            if writable:
                defaults[name] = row[2].strip("`")
    return types


errors = []
is_built = built()
is_documented = documented()
members = 0
for name in SECTIONS.values():
    properties, functions = is_built[name]
    told_properties, told_functions, _ = is_documented[name]
    # Signals that only tell of a change are told of together.
    functions = {f: arguments for f, arguments in functions.items()
                 if arguments or f in told_functions or not f.endswith("Changed")}
    members += len(properties) + len(functions)
    for what, there, told in (("property", properties, told_properties), ("function", functions, told_functions)):
        for key in sorted(there.keys() | told.keys()):
            if there.get(key) != told.get(key):
                errors.append(f"{name}: {what} {key} is {there.get(key)}, and said to be {told.get(key)}")
if members < 90:
    errors.append(f"only {members} members were found")

checks = "\n".join(f"        compare({target}.{key}, {value})"
                   for kind, target in (("WebSocket", "socket"), ("TlsSettings", "socket.ssl"), ("Reconnect", "socket.reconnect"),
                                        ("WebSocketServer", "server"), ("TlsSettings", "server.ssl"))
                   for key, value in is_documented[kind][2].items())
with open(folder + "/tst_defaults.qml", "w") as out:
    out.write(f"""import QtQuick
import QtTest
import Framewire

TestCase {{
    name: "defaults that the reference tells"

    WebSocket {{ id: socket }}
    WebSocketServer {{ id: server }}

    function test_them() {{
{checks}
    }}
}}
""")

examples = re.findall(r"```qml\n(.*?)```", open(readme_file).read(), re.DOTALL)
for number, example in enumerate(examples, 1):
    with open(f"{folder}/Example{number}.qml", "w") as out:
        out.write(example)
if len(examples) != 2:
    errors.append(f"{len(examples)} examples")

if errors:
    sys.exit("\n".join(errors))
