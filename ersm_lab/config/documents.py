"""YAML documents of their own, tables and claims: read, merged into their schema, checked, and plain containers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from ersm_lab.config.check import check_config, nearest
from ersm_lab.config.store import conf_dir, options
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.errors import UserError


def load_document(
    group: str,
    name: str,
    kind: type,
    changes: Sequence[str],
    check_parts: Callable[[DictConfig], None],
    resolve: bool,
) -> dict[str, Any]:
    """``conf/<group>/<name>.yaml`` under the schema ``kind``.

    changes: ``key=value`` of the document itself. check_parts: checks the nodes inside, which the check of the whole does not
    reach. resolve: False leaves interpolations as they are.

    Raises
    ------
    UserError: no such document, unknown keys, wrong types or values; one line that ends with the file.
    """
    known = options(group)
    if name not in known:
        raise UserError(f"no {group} named '{name}'{nearest(name, known)} There are: {', '.join(known)}")
    where = f"conf/{group}/{name}.yaml"
    try:
        own = OmegaConf.load(conf_dir() / group / f"{name}.yaml")
        merged = OmegaConf.merge(OmegaConf.structured(kind), own, OmegaConf.from_dotlist(list(changes)))
        assert isinstance(merged, DictConfig)
        check_parts(merged)
        check_config(merged)
    except CONFIG_ERRORS as error:
        raise UserError(f"{one_line(error)} (in {where})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    except UserError as error:
        raise UserError(f"{error} (in {where})") from error
    plain = OmegaConf.to_container(merged, resolve=resolve)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
