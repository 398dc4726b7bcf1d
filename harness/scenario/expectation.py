"""What a step expects, as a total matrix: `same`, then `default`, then rules, then the drawn matrix.

Each part wins over the ones before it. Nothing is left to chance: a rule that matches no flow is an
error, and so is a flow that nothing speaks of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from harness.model.flow import Flow
from harness.model.matrix import Matrix
from harness.model.scenario import Declaration, Expected
from harness.model.topology import Topology
from harness.scenario.board import Area, Board, area_of
from harness.scenario.cast import Cast
from harness.scenario.context import Context
from harness.scenario.drawing import Drawing
from harness.scenario.findings import closest, listed
from harness.scenario.names import shown
from harness.scenario.patterns import ANY_PORT, parse_rule
from harness.scenario.positions import Path
from harness.scenario.rule_faults import NoFlowFault, RuleFault
from harness.scenario.schema import VERBS, ExpectSpec

ITSELF = "a pod always reaches itself: no policy sees it"


class Expectations:
    """Declares the matrices of one file's steps, in order; remembers them for `same`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._declared: dict[str, Matrix[Declaration] | None] = {}
        self._board: Board | None = None
        self._cast: Cast | None = None

    def declare(
        self, name: str, spec: ExpectSpec | str, path: Path, topology: Topology, flows: tuple[Flow, ...]
    ) -> Matrix[Declaration] | None:
        """Return the declared matrix of the step called `name`; None for `expect: predicted`.

        Cells that an error leaves without a value are declared ignored: an error is on record then.
        """
        if isinstance(spec, str):
            self._declared[name] = None
            return None
        if self._cast is None or self._board is None or self._cast.topology is not topology:
            self._context.spend(path, len(flows) + len(topology.pods) * (1 + len(topology.services)))
            self._board = Board(topology, flows)
            self._cast = Cast(topology)
        cells = _Cells(self._context, path, spec, self._cast, self._board)
        cells.same(self._declared)
        cells.rules()
        if spec.matrix is not None:
            Drawing(self._context, (*path, "matrix"), self._cast, self._board, cells.values).apply(spec.matrix)
        matrix = cells.total()
        self._declared[name] = matrix
        return matrix


class _Cells:
    """The values of one step's board while its expectation is read."""

    def __init__(self, context: Context, path: Path, spec: ExpectSpec, cast: Cast, board: Board) -> None:
        self.context = context
        self.path = path
        self.spec = spec
        self.cast = cast
        self.board = board
        self.values: list[Declaration | None] = [None] * len(board.flows)
        self.found = len(context.findings)

    def same(self, declared: Mapping[str, Matrix[Declaration] | None]) -> None:
        """Fill in what an earlier step declared, and the default for the rest."""
        earlier = self._earlier(declared)
        if earlier is not None:
            self.values = [earlier.get(flow) for flow in self.board.flows]
        if self.spec.default is not None:
            default = Declaration(Expected(self.spec.default), self.context.locate((*self.path, "default")))
            self.values = [value or default for value in self.values]

    def rules(self) -> None:
        """Apply the rules in order."""
        for path, verb, text, because in _rule_texts(self.spec, (*self.path, "rules")):
            declaration = Declaration(Expected(verb), self.context.locate(path), because)
            try:
                cells = self._cells_of(text)
            except RuleFault as fault:
                self.context.report_rule(path, fault)
            else:
                for cell in cells:
                    self.values[cell] = declaration

    def _earlier(self, declared: Mapping[str, Matrix[Declaration] | None]) -> Matrix[Declaration] | None:
        name = self.spec.same
        if name is None:
            return None
        path = (*self.path, "same")
        if name not in declared:
            if not self.context.expectations_in_doubt:
                fault = f"no earlier step is called {shown(name)}; there are: {listed(map(shown, declared))}"
                self.context.report(path, fault, closest(name, declared))
            return None
        earlier = declared[name]
        if earlier is None and not self.context.expectations_in_doubt:
            self.context.report(path, f"the step {shown(name)} expects what is predicted: there is nothing to repeat")
        return earlier

    def _cells_of(self, text: str) -> tuple[int, ...]:
        area = area_of(parse_rule(text), self.cast)
        cells = tuple(self.board.cells(area))
        self.context.spend(self.path, len(self.cast.topology.pods) + len(area.sources) + len(cells))
        if not cells:
            raise self._no_flow(area)
        return cells

    def _no_flow(self, area: Area) -> NoFlowFault:
        """Say why the step has no flow in `area`."""
        anything = replace(area, port=ANY_PORT, protocol=None, via=None, family=None)
        if not any(True for _ in self.board.cells(anything)):
            if len(area.sources) == 1 and area.sources == area.destinations.hosts <= set(self.cast.topology.pods):
                return NoFlowFault(0, f"matches no flow but that of a pod to itself, and {ITSELF}")
            if not self.board.ports(area.destinations, None):
                return NoFlowFault(0, "matches no flow: nothing listens at the destination")
            return NoFlowFault(0, "matches no flow: these are not tried against each other", "see 'probe'")
        if not any(True for _ in self.board.cells(replace(area, via=None, family=None))):
            ports = self.board.ports(area.destinations, area.via)
            names = self.board.port_names(area.destinations, area.via)
            remedy = closest(area.port.name, names) if area.port.name else None
            return NoFlowFault(area.port.column, f"matches no flow: the ports there are {listed(ports)}", remedy)
        return NoFlowFault(0, "matches no flow: none is tried that way", "see 'via' and 'families' of 'probe'")

    def total(self) -> Matrix[Declaration]:
        """Return the matrix, with each pod's flow to itself ignored; report flows without a value."""
        here = self.context.locate(self.path)
        itself = Declaration(Expected.IGNORE, here, ITSELF)
        missing = Declaration(Expected.IGNORE, here, "not declared")
        undeclared = [
            flow
            for flow, value in zip(self.board.flows, self.values, strict=True)
            if value is None and not flow.is_to_itself
        ]
        # A rule that is refused leaves flows without a value: that is no problem of its own.
        in_doubt = self.context.expectations_in_doubt or self.context.topology_in_doubt
        if undeclared and not in_doubt and len(self.context.findings) == self.found:
            count = "1 flow has" if len(undeclared) == 1 else f"{len(undeclared)} flows have"
            self.context.report(
                self.path,
                f"{count} no declared value; the first is {undeclared[0]}",
                "write a default, or rules for them",
                key=True,
            )
        return Matrix(
            (flow, itself if flow.is_to_itself else value or missing)
            for flow, value in zip(self.board.flows, self.values, strict=True)
        )


def _rule_texts(spec: ExpectSpec, path: Path) -> Iterator[tuple[Path, str, str, str | None]]:
    """Yield path, verb, text and reason of each rule, in order."""
    for index, rule in enumerate(spec.rules):
        verb = next(verb for verb in VERBS if verb in type(rule).model_fields)
        texts = getattr(rule, verb)
        if isinstance(texts, str):
            yield (*path, index, verb), verb, texts, rule.because
        else:
            for place, text in enumerate(texts):
                yield (*path, index, verb, place), verb, text, rule.because
