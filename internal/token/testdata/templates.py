"""Renders templates/*.jinja with Jinja as transformers sets it up
(transformers v4.52, utils/chat_template_utils.py) and writes what came out to
templates/cases.json. Needs Python and Jinja2; made with Jinja2 3.1.6."""
import datetime, glob, json, os

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller):
        return caller()


def fail(message):
    raise TemplateError(message)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"])
env.globals["raise_exception"] = fail
env.globals["strftime_now"] = datetime.datetime(2026, 3, 7, 14, 5, 9).strftime


def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


chats = [
    turns(("user", "Hello")),
    turns(("system", " You are brief.\n"), ("user", "  Who art thou?\n\tx "), ("assistant", " I am. <think>\nq\n</think>\n\nans"), ("user", 'Is it "so" & é\n\n中?')),
    turns(("user", "a b\u00a0c\u3000d"), ("assistant", "it's DON'T a-b 1st")),
    turns(("user", "\u0085\u2003odd\u001c space\u001f\u00a0"), ("assistant", ""), ("user", "<result>r</result>"), ("assistant", "<think>\nlong\n</think>\nshort")),
    turns(("tool", "unknown role")),
]
cases = []
here = os.path.dirname(os.path.abspath(__file__))
for path in sorted(glob.glob(os.path.join(here, "templates", "*.jinja"))):
    source = open(path, newline="").read()
    for messages in chats:
        for prompt in (True, False):
            case = {"template": os.path.basename(path), "messages": messages, "add_generation_prompt": prompt}
            try:
                case["rendered"] = env.from_string(source).render(
                    messages=messages, add_generation_prompt=prompt, tools=None, documents=None,
                    bos_token="<|begin_of_text|>", eos_token="<|end_of_text|>")
            except TemplateError as e:
                case["error"] = str(e)
            cases.append(case)
with open(os.path.join(here, "templates", "cases.json"), "w") as f:
    json.dump(cases, f, ensure_ascii=False, indent=1)
    f.write("\n")
