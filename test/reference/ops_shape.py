"""In PyTorch: operators that move, look up and write elements."""

import numpy as np
import torch
import torch.nn.functional as F

from ops_functions import functions, ints, op


@op("Reshape")
def reshape(i, a, c):
    x = i["x"]
    return x.reshape([x.shape[k] if d == 0 else d for k, d in enumerate(ints(i["shape"]))])


@op("Flatten")
def flatten(i, a, c):
    x, axis = i["x"], a.get("axis", 1)
    front = int(np.prod(x.shape[:axis]))
    return x.reshape(front, int(np.prod(x.shape[axis:])))


@op("Squeeze")
def squeeze(i, a, c):
    return i["x"].squeeze(ints(i["axes"])) if "axes" in i else i["x"].squeeze()


@op("Unsqueeze")
def unsqueeze(i, a, c):
    x, axes = i["x"], ints(i["axes"])
    for axis in sorted(axis % (x.dim() + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


functions["Transpose"] = lambda i, a, c: i["x"].permute(a.get("perm", list(range(i["x"].dim()))[::-1]))
functions["Expand"] = lambda i, a, c: i["x"] * torch.ones(ints(i["shape"]), dtype=i["x"].dtype)
functions["Concat"] = lambda i, a, c: torch.cat(list(i.values()), a["axis"])
functions["Cast"] = lambda i, a, c: i["x"].to({1: torch.float32, 11: torch.float64, 7: torch.int64}[a["to"]])
functions["CastLike"] = lambda i, a, c: i["x"].to(i["target"].dtype)
functions["Tile"] = lambda i, a, c: i["x"].tile(ints(i["repeats"]))
functions["Gather"] = lambda i, a, c: gather(i["x"], i["indices"], a.get("axis", 0))
functions["Compress"] = lambda i, a, c: compress(i["x"], i["condition"], a.get("axis"))


def wrapped(indices, size):
    return torch.where(indices < 0, indices + size, indices)


def gather(x, indices, axis):
    axis %= x.dim()
    flat = x.index_select(axis, wrapped(indices, x.shape[axis]).reshape(-1))
    return flat.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def compress(x, condition, axis):
    places = condition.nonzero().reshape(-1)
    return x.reshape(-1)[places] if axis is None else x.index_select(axis, places)


@op("Split")
def split(i, a, c):
    x, axis = i["x"], a.get("axis", 0)
    count = c["outputs"]
    sizes = ints(i["split"]) if "split" in i else -(-x.shape[axis] // count)
    return torch.split(x, sizes, axis)


def read_places(x, picked):
    """Elements of x at the places that NumPy picked."""
    return x.reshape(-1)[torch.from_numpy(np.ascontiguousarray(picked).reshape(-1))].reshape(picked.shape)


def places(x):
    return np.arange(x.numel()).reshape(x.shape)


@op("Slice")
def slice_(i, a, c):
    x, starts, ends = i["x"], ints(i["starts"]), ints(i["ends"])
    axes = ints(i["axes"]) if "axes" in i else list(range(len(starts)))
    steps = ints(i["steps"]) if "steps" in i else [1] * len(starts)
    cut = [slice(None)] * x.dim()
    for start, end, axis, step in zip(starts, ends, axes, steps):
        beyond = step < 0 and end < -x.shape[axis]
        cut[axis] = slice(start, None if beyond else end, step)
    return read_places(x, places(x)[tuple(cut)])


@op("Pad")
def pad(i, a, c):
    x, pads, mode = i["x"], ints(i["pads"]), a.get("mode", "constant")
    axes = ints(i["axes"]) if "axes" in i else list(range(x.dim()))
    before, after = [0] * x.dim(), [0] * x.dim()
    for k, axis in enumerate(axes):
        before[axis], after[axis] = pads[k], pads[k + len(axes)]
    if mode != "constant":
        return read_places(x, np.pad(places(x), list(zip(before, after)), mode=mode))
    inner = F.pad(x, [p for pair in reversed(list(zip(before, after))) for p in pair])
    if "value" not in i:
        return inner
    mask = F.pad(torch.ones_like(x), [p for pair in reversed(list(zip(before, after))) for p in pair])
    return inner + i["value"] * (1 - mask)


@op("DepthToSpace")
def depth_to_space(i, a, c):
    x, b = i["x"], a["blocksize"]
    if a.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, b)
    n, depth, h, w = x.shape
    return x.reshape(n, b, b, depth // b**2, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, depth // b**2, h * b, w * b)


@op("SpaceToDepth")
def space_to_depth(i, a, c):
    x, b = i["x"], a["blocksize"]
    n, depth, h, w = x.shape
    return x.reshape(n, depth, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, depth * b**2, h // b, w // b)


@op("ReverseSequence")
def reverse_sequence(i, a, c):
    x, lengths = i["x"], ints(i["lengths"])
    order = places(x)
    for batch, length in enumerate(lengths):
        order[:length, batch] = order[:length, batch][::-1].copy()
    return read_places(x, order)


@op("Trilu")
def trilu(i, a, c):
    k = int(i["k"]) if "k" in i else 0
    return torch.triu(i["x"], k) if a.get("upper", 1) else torch.tril(i["x"], k)


@op("OneHot")
def one_hot(i, a, c):
    # out of range: all off
    indices, depth = i["indices"], int(i["depth"])
    wide = torch.where(indices < 0, indices + depth, indices)
    hot = F.one_hot(torch.where((wide < 0) | (wide >= depth), depth, wide), depth + 1)[..., :depth].to(i["values"].dtype)
    axis = a.get("axis", -1)
    hot = hot if axis == -1 else hot.movedim(-1, axis)
    return i["values"][0] * (1 - hot) + i["values"][1] * hot


functions["GatherElements"] = lambda i, a, c: torch.gather(
    i["x"], a.get("axis", 0), wrapped(i["indices"], i["x"].shape[a.get("axis", 0)]))


@op("GatherND")
def gather_nd(i, a, c):
    x, indices, batch = i["x"], i["indices"], a.get("batch_dims", 0)
    if batch == 1:
        return torch.stack([x[n][tuple(indices[n].reshape(-1, indices.shape[-1]).T)].squeeze(0) for n in range(x.shape[0])])
    return x[tuple(indices[..., k] for k in range(indices.shape[-1]))]


reductions = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@op("ScatterElements")
def scatter_elements(i, a, c):
    x, axis, by = i["x"], a.get("axis", 0), a.get("reduction", "none")
    indices = wrapped(i["indices"], x.shape[axis])
    if by == "none":
        return x.scatter(axis, indices, i["updates"])
    return x.scatter_reduce(axis, indices, i["updates"], reductions[by], include_self=True)


@op("ScatterND")
def scatter_nd(i, a, c):
    # all cases write whole rows
    x, by = i["x"], a.get("reduction", "none")
    rows = i["indices"].reshape(-1)
    updates = i["updates"].reshape(len(rows), *x.shape[1:])
    indices = rows.reshape(-1, *[1] * (x.dim() - 1)).expand_as(updates)
    if by == "none":
        return x.scatter(0, indices, updates)
    return x.scatter_reduce(0, indices, updates, reductions[by], include_self=True)
