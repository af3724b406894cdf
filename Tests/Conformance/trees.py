"""Imported trees lead where their own library leads; see `trees`. Exits with 1 when a leaf differs."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

from support import project
from support.report import Report, Skip, expect, expect_that

ROWS, COLUMNS = 10_000, 8
NAMES = [f"n^f{k}" for k in range(COLUMNS)]
MISSING_SHARE = 0.15
LEAF = re.compile(rb"^tree\^(\d+)=(\d+) |^probability ", re.MULTILINE)
# More would spin for each other where cores are shared.
THREADS = 1


def examples(seed=5):
    """Numbers of every kind a split may meet, [ROWS, COLUMNS], and labels 0, 1, 2 that depend on them."""
    chance = numpy.random.default_rng(seed)
    numbers = numpy.stack([
        chance.normal(size=ROWS),
        chance.integers(0, 6, ROWS),
        numpy.full(ROWS, 3),
        chance.exponential(size=ROWS) * (chance.random(ROWS) < 0.6),
        chance.normal(size=ROWS) * 1e-3,
        chance.integers(-1, 2, ROWS),
        chance.uniform(-1e6, 1e6, ROWS),
        numpy.full(ROWS, -0.5),
    ], axis=1).astype(numpy.float32)
    score = (numbers[:, 0] + numbers[:, 3] - (numbers[:, 1] == 2) + 400 * numbers[:, 4] * numbers[:, 5] +
             chance.normal(size=ROWS) * 0.7)
    # The last column is always there; the others' gaps tell something, too.
    gaps = chance.random(numbers.shape) < MISSING_SHARE
    gaps[:, -1] = False
    numbers[gaps] = numpy.nan
    score += 1.0 * gaps[:, 0] - gaps[:, 2]
    return numbers, numpy.digitize(score, [0.3, 1.5])


def on_edges(numbers, edges, odd, never, seed=6):
    """The numbers, a third of them moved onto the model's own edges, beside them, or to an odd number; but none onto
    an edge that is one of `never`."""
    chance = numpy.random.default_rng(seed)
    moved = numbers.copy()
    for column in range(COLUMNS):
        near = numpy.array(edges.get(column, []), numpy.float64).astype(numpy.float32)
        candidates = numpy.concatenate([
            near, numpy.nextafter(near, numpy.float32(numpy.inf)), numpy.nextafter(near, numpy.float32(-numpy.inf)),
            numpy.array(odd, numpy.float32)])
        # Trees see any number, but their inputs are features, too, and take none beyond 2^32.
        allowed = (numpy.abs(candidates) <= 2 ** 32) | numpy.isin(candidates, odd)
        allowed &= ~(numpy.isin(candidates, near) & numpy.isin(candidates, numpy.array(never, numpy.float32)))
        candidates = candidates[allowed]
        rows = chance.random(ROWS) < 1 / 3
        moved[rows, column] = chance.choice(candidates, rows.sum())
    return moved


def text(numbers):
    """The rows as Vowpal Wabbit text: shortest numbers that read back; what is missing is left out, or `nan`."""
    written = numbers.astype(str)
    lines = []
    for row, words in enumerate(written):
        lines.append("1 |n" + "".join(
            f" f{k}:{word}" for k, word in enumerate(words) if word != "nan" or (row + k) % 2))
    return "\n".join(lines) + "\n"


def sluice(*command):
    return subprocess.run([project.binary("sluice"), *map(str, command)], capture_output=True)


def imported_leaves(folder, model, numbers, named):
    """The leaves that `sluice explain` names for every row, [ROWS, trees]."""
    base, spec, line, rows = (folder / name for name in ("base.yaml", "spec.yaml", "line.vw", "rows.vw"))
    base.write_text("bits: 20\n")
    inputs = [] if named else [word for name in NAMES for word in ("--input", name)]
    rows.write_text(text(numbers))
    line.write_text("1 |n f0:1\n")
    for command in (["fit", "import", model, "--spec", base, "--to", spec, *inputs],
                    ["learn", line, "--spec", spec, "--save", folder / "saved", "--quiet"]):
        done = sluice(*command)
        expect(done.returncode, 0, f"`sluice {command[0]}` ({done.stderr.decode(errors='replace').strip()[:300]})")
    done = sluice("explain", folder / "saved", rows, "--top", 1_000_000)
    expect((done.returncode, done.stderr[:300]), (0, b""), "`sluice explain`")
    leaves = []
    for found in LEAF.finditer(done.stdout):
        if found[1] is None:
            leaves.append({})
        else:
            expect_that(int(found[1]) not in leaves[-1], f"row {len(leaves)} has one leaf of tree {int(found[1])}")
            leaves[-1][int(found[1])] = int(found[2])
    expect(len(leaves), ROWS, "rows explained")
    return leaves


def compare(folder, model, numbers, wanted, named=False):
    wanted = numpy.asarray(wanted).reshape(ROWS, -1).astype(int)
    got = imported_leaves(folder, model, numbers, named)
    trees = wanted.shape[1]
    short = [row for row, leaves in enumerate(got) if sorted(leaves) != list(range(trees))]
    expect(short[:3], [], f"rows without a leaf in each of {trees} trees")
    table = numpy.array([[leaves[tree] for tree in range(trees)] for leaves in got])
    apart = numpy.argwhere(table != wanted)
    if len(apart):
        row, tree = apart[0]
        expect_that(False, f"{len(apart)} of {table.size} leaves differ; row {row}, tree {tree}: the library says "
                           f"{wanted[row, tree]}, sluice {table[row, tree]}, for {numbers[row].tolist()}")
    return trees, sum(len(set(column)) for column in table.T)


def refused(folder, content, *says):
    """`sluice fit import` of these bytes: exit 1, one sentence that has one of the words, and nothing written."""
    model, spec = folder / "refused.model", folder / "refused.yaml"
    model.write_text(content)
    spec.unlink(missing_ok=True)
    done = sluice("fit", "import", model, "--to", spec, *(word for name in NAMES for word in ("--input", name)))
    said = done.stderr.decode(errors="replace").strip()
    expect(done.returncode, 1, f"exit status ({said[:300]!r})")
    expect((len(said.splitlines()), done.stdout, spec.exists()), (1, b"", False),
           f"lines of error, output, a spec ({said!r})")
    expect_that(any(word in said for word in says), f"the sentence has one of {says}: {said!r}")


class Library:
    """What one library's models are: made, saved, asked for leaves and edges."""

    def __init__(self, report, folder, numbers, labels):
        self.report, self.folder, self.numbers, self.labels = report, folder, numbers, labels
        self.leaf_count = 0

    def check(self, title, make, named=False, never=None):
        def check():
            model, content = make()
            path = self.folder / f"model.{self.suffix}"
            path.write_text(content)
            numbers = on_edges(self.numbers, self.edges(content), self.odd, self.never if never is None else never)
            trees, reached = compare(self.folder, path, numbers, self.leaves(model, numbers), named)
            self.leaf_count += trees * ROWS
            print(f"     {trees} trees, {reached} leaves reached by {ROWS} rows")
        self.report.run(f"{self.name}: {title}", check)

    def refuses(self, title, content, *says):
        self.report.run(f"{self.name}: {title} is refused", lambda: refused(self.folder, content(), *says))

    def cut(self, content, end):
        """A model cut off at twenty places before `end`."""
        def check():
            for k in range(20):
                refused(self.folder, content[:end * k // 20], "ends", "JSON")
        self.report.run(f"{self.name}: a file that is cut off is refused", check)


class XGBoost(Library):
    name, suffix = "xgboost", "json"
    # It takes no infinities.
    odd = [0, -0.0, 1e-36, -1e-36, 1e-45, 3, -0.5, 4e9]
    never = []

    def make(self, rounds, *, names=None, classes=2, types=None, **options):
        import xgboost
        labels = self.labels if classes > 2 else self.labels > 0
        data = xgboost.DMatrix(self.numbers, labels, feature_names=names, feature_types=types,
                               enable_categorical=types is not None)
        options = {"objective": "binary:logistic", "seed": 3, "nthread": THREADS, **options}
        model = xgboost.train(options, data, rounds)
        return model, self.saved(model)

    def saved(self, model):
        path = self.folder / "saved.json"
        model.save_model(path)
        return path.read_text()

    def leaves(self, model, numbers):
        import xgboost
        return model.predict(xgboost.DMatrix(numbers, feature_names=model.feature_names), pred_leaf=True)

    def edges(self, content):
        edges = {}
        booster = json.loads(content)["learner"]["gradient_booster"]
        for tree in booster.get("gbtree", booster)["model"]["trees"]:
            for column, edge, left in zip(tree["split_indices"], tree["split_conditions"], tree["left_children"]):
                if left >= 0:
                    edges.setdefault(column, []).append(edge)
        return edges

    def checks(self):
        check = self.check
        check("trees on histograms", lambda: self.make(20, max_depth=4))
        check("exact and deep", lambda: self.make(6, max_depth=14, tree_method="exact", min_child_weight=0))
        check("best split first, 64 leaves", lambda: self.make(8, grow_policy="lossguide", max_leaves=64, max_depth=0))
        check("dart", lambda: self.make(10, booster="dart", rate_drop=0.3, max_depth=4))
        check("inputs by the model's own names", lambda: self.make(8, names=NAMES, max_depth=5), named=True)
        check("dart with its own names", lambda: self.make(5, booster="dart", names=NAMES, max_depth=5), named=True)
        # The nodes cut away stay in the file, with 2,147,483,647 for an input.
        check("branches pruned", lambda: self.make(8, tree_method="exact", gamma=8, max_depth=8))
        check("branches pruned, on histograms", lambda: self.make(8, gamma=8, max_depth=8))
        check("three classes, two trees each", lambda: self.make(
            3, classes=3, objective="multi:softprob", num_class=3, num_parallel_tree=2, subsample=0.5, max_depth=4))
        check("trees of one leaf", lambda: self.make(3, min_child_weight=1e9))
        _, good = self.make(2, max_depth=3)
        self.refuses("a categorical split", self.categorical, "categor")
        self.refuses("a newer format", lambda: self.changed(
            good, lambda model: model.update(version=[99, 0, 0])), "99", "version")
        self.refuses("a linear model", lambda: self.make(2, booster="gblinear")[1], "gblinear", "tree")
        self.refuses("an unknown booster", lambda: self.changed(
            good, lambda model: model["learner"]["gradient_booster"].update(name="gbforest")), "gbforest")
        self.refuses("a split on an input that is not there", lambda: self.changed(
            good, lambda model: tree(model)["split_indices"].__setitem__(0, 80)), "81", "input")
        self.refuses("a split on the 2,147,483,648th input", lambda: self.changed(
            good, lambda model: tree(model)["split_indices"].__setitem__(0, 2**31 - 1)), "2147483648", "input")
        self.refuses("a node that is its own child", lambda: self.changed(
            good, lambda model: tree(model)["left_children"].__setitem__(0, 0)), "node", "tree")
        self.refuses("a child that is not there", lambda: self.changed(
            good, lambda model: tree(model)["right_children"].__setitem__(0, 10_000)), "node", "tree")
        self.refuses("lists of different lengths", lambda: self.changed(
            good, lambda model: tree(model)["split_conditions"].pop()), "tree", "node", "split_conditions")
        self.cut(good, len(good))

    def categorical(self):
        # Cats are whole numbers from 0.
        column = numpy.nan_to_num(self.numbers[:, 1])
        whole, self.numbers = self.numbers, numpy.stack([column] + [self.numbers[:, 0]], axis=1)
        try:
            return self.make(2, types=["c", "q"], max_depth=3)[1]
        finally:
            self.numbers = whole

    def changed(self, content, change):
        model = json.loads(content)
        change(model)
        return json.dumps(model)


def tree(model):
    return model["learner"]["gradient_booster"]["model"]["trees"][0]


class LightGBM(Library):
    name, suffix = "lightgbm", "txt"
    odd = [0, -0.0, 1e-36, -1e-36, 1e-45, 1e-35, -1e-35, 1.0000001e-35, -1.0000001e-35, 3, -0.5, numpy.inf, -numpy.inf, 4e9]
    # Edges that have checks of their own: where zero is a bin of its own the first is an edge, but a number on it is
    # taken for 0; and where only what is missing goes right the edge is infinite, and infinity goes left.
    never = [-1e-35, numpy.inf]

    def make(self, rounds, *, names="auto", classes=2, categorical="auto", **options):
        import lightgbm
        labels = self.labels if classes > 2 else self.labels > 0
        options = {"objective": "binary", "seed": 3, "num_threads": THREADS, "verbose": -1, "deterministic": True, **options}
        data = lightgbm.Dataset(self.numbers, labels, feature_name=names, categorical_feature=categorical, params=options)
        model = lightgbm.train(options, data, rounds)
        return model, model.model_to_string(num_iteration=-1)

    def leaves(self, model, numbers):
        return model.predict(numbers, pred_leaf=True, num_iteration=-1)

    def edges(self, content):
        edges = {}
        lists = zip(re.findall(r"^split_feature=(.+)$", content, re.M), re.findall(r"^threshold=(.+)$", content, re.M))
        for columns, thresholds in lists:
            for column, edge in zip(columns.split(), thresholds.split()):
                edges.setdefault(int(column), []).append(float(edge))
        return edges

    def checks(self):
        check = self.check
        check("31 leaves", lambda: self.make(20))
        check("nothing is missing (use_missing=false)", lambda: self.make(10, use_missing=False))
        check("zeros are missing", lambda: self.make(10, zero_as_missing=True))
        check("1,023 leaves", lambda: self.make(4, num_leaves=1023, min_data_in_leaf=1, min_sum_hessian_in_leaf=0))
        check("1,023 leaves, zeros are missing", lambda: self.make(
            4, num_leaves=1023, min_data_in_leaf=1, min_sum_hessian_in_leaf=0, zero_as_missing=True))
        check("inputs by the model's own names", lambda: self.make(8, names=NAMES), named=True)
        check("dart", lambda: self.make(10, boosting="dart", drop_rate=0.5))
        check("a random forest", lambda: self.make(
            8, boosting="rf", bagging_freq=1, bagging_fraction=0.5, feature_fraction=0.5))
        check("four classes, one without examples", lambda: self.make(3, classes=4, objective="multiclass", num_class=4))
        check("few bins", lambda: self.make(8, max_bin=5))
        check("few bins, and the least number that it takes for 0", lambda: self.make(3, max_bin=5), never=[numpy.inf])
        check("few bins, and infinity on infinite edges", lambda: self.make(3, max_bin=5), never=[-1e-35])
        check("a tree of one leaf", lambda: self.make(3, min_data_in_leaf=ROWS))
        _, good = self.make(3, num_leaves=7)
        self.refuses("a categorical split", lambda: self.make(2, categorical=[1])[1], "categor")
        self.refuses("a newer format", lambda: good.replace("version=v4", "version=v5"), "v5")
        self.refuses("a split on an input that is not there", lambda: re.sub(
            r"split_feature=\d+", "split_feature=80", good, count=1), "80", "input", "feature")
        self.refuses("a node that is its own child", lambda: re.sub(
            r"left_child=-?\d+", "left_child=0", good, count=1), "node", "tree")
        self.refuses("a child that is not there", lambda: re.sub(
            r"right_child=-?\d+", "right_child=500", good, count=1), "node", "tree")
        self.refuses("lists of different lengths", lambda: re.sub(
            r"threshold=\S+ ", "threshold=", good, count=1), "tree", "threshold")
        self.cut(good, good.index("end of trees"))


def main():
    project.binary("sluice")
    report = Report()
    numbers, labels = examples()
    leaf_count = 0
    for library in (XGBoost, LightGBM):
        if sys.argv[1:] and library.name not in sys.argv[1:]:
            continue
        try:
            __import__(library.name)
        except ImportError:
            report.run(library.name, lambda: skip(library.name))
            continue
        with tempfile.TemporaryDirectory(prefix="sluice-test-") as folder:
            checked = library(report, pathlib.Path(folder), numbers, labels)
            checked.checks()
            leaf_count += checked.leaf_count
    print(f"{leaf_count:,} leaves compared")
    report.finish()


def skip(name):
    raise Skip(f"the Python package {name} cannot be had")


if __name__ == "__main__":
    main()
