import os

# numpy's own threads wait by spinning: on the cores of the program that is watched a product of
# small matrices took a hundred times as long with two of them. To be said before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
